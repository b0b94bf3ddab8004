"""How far the logs of several accounts have come, in one read: a process asks it for the accounts it has sockets of."""

from django.db import migrations

LIVE_HEADS = """
CREATE FUNCTION live_heads(accounts bigint[]) RETURNS TABLE (account_id bigint, seq bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT counter.account_id, counter.seq FROM inbox_livecounter counter WHERE counter.account_id = ANY (accounts)
$$
"""


class Migration(migrations.Migration):
    dependencies = [("inbox", "0002_walls")]
    operations = [migrations.RunSQL(LIVE_HEADS, "DROP FUNCTION live_heads")]
