from django.db import migrations

from oneview.common.walls import wall

TOKEN_OWNER = """
CREATE FUNCTION token_owner(given text, OUT account_id bigint, OUT token_id uuid, OUT user_id bigint, OUT bot text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT account_id, id, user_id, bot FROM accounts_apitoken WHERE hash = given AND revoked_at IS NULL
$$
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]
    operations = [
        wall("accounts_team", "accounts_apitoken", "accounts_auditentry"),
        migrations.RunSQL(TOKEN_OWNER, "DROP FUNCTION token_owner"),
    ]
