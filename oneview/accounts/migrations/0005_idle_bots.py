"""A bot that was switched off has no valid token, in the API and on sockets."""

from django.db import migrations

TOKEN_OWNER = """
CREATE OR REPLACE FUNCTION token_owner(
  given text, OUT account_id bigint, OUT token_id uuid, OUT user_id bigint, OUT bot text
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT t.account_id, t.id, t.user_id, t.bot FROM accounts_apitoken t
  WHERE t.hash = given AND t.revoked_at IS NULL AND (t.bot = '' OR EXISTS (
    SELECT FROM accounts_bot b WHERE b.account_id = t.account_id AND b.name = t.bot AND b.is_active
  ))
$$
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_teams_of")]
    operations = [migrations.RunSQL(TOKEN_OWNER, migrations.RunSQL.noop)]
