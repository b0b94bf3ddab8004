"""The audit only grows: who serves pages may add to it and read it."""

from __future__ import annotations

import pytest
from django.db import ProgrammingError, connection, transaction

from oneview.accounts.models import AuditEntry, Membership
from oneview.accounts.services import record_audit
from oneview.common.scope import scope

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE accounts_auditentry SET action = 'nothing'",
        "DELETE FROM accounts_auditentry",
        "TRUNCATE accounts_auditentry",
        "INSERT INTO accounts_auditentry SELECT * FROM accounts_auditentry ON CONFLICT (id) DO UPDATE SET target = ''",
        "ALTER TABLE accounts_auditentry NO FORCE ROW LEVEL SECURITY",
    ],
)
def test_the_serving_role_changes_and_removes_no_entry(alice: Membership, statement: str) -> None:
    record_audit(alice.account_id, actor=alice.user, action="member.add", target="bob@example.com")
    with scope(alice.account):
        with pytest.raises(ProgrammingError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
        assert AuditEntry.objects.get().action == "member.add"


def test_nobody_writes_into_the_audit_of_another_account(alice: Membership, charlie: Membership) -> None:
    entry = AuditEntry(account=charlie.account, actor_name="Alice", action="member.add", target="x")
    with pytest.raises(ProgrammingError), scope(alice.account):
        entry.save(force_insert=True)
