"""Which teams users are in, in all of their accounts, in one read: a process asks it for those who listen."""

from django.db import migrations

TEAMS_OF = """
CREATE FUNCTION teams_of(users bigint[]) RETURNS TABLE (account_id bigint, user_id bigint, team_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT member.account_id, member.user_id, member.team_id FROM accounts_teammember member
  WHERE member.user_id = ANY (users)
$$
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_teams_and_bots")]
    operations = [migrations.RunSQL(TEAMS_OF, "DROP FUNCTION teams_of")]
