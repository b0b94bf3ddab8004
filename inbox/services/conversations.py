"""Commands on a conversation. Each locks the conversation and writes all its threads in one statement; only a reply
chooses one.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils.translation import gettext as _

from inbox.folds import fold_conversations, lock_conversation, lock_conversations
from inbox.lines import Line, tell_line
from inbox.models import Conversation, Thread
from inbox.models.thread import Status
from inbox.realtime import Change, append_changes
from inbox.selectors.visibility import oldest_visible
from inbox.services.teams import keep_member
from inbox.shapes import Agent
from inbox.turns import claim_handovers
from oneview.accounts.models import Account, Membership, Role, Team, TeamMember, User
from oneview.accounts.services import ask_for_routing, record_audit
from oneview.common.errors import FieldError, Invalid


def assign(account: Account, conversation_id: UUID, *, actor: Agent, assignee: int | None, now: datetime) -> None:
    """Gives the conversation to a member of the account, or back to nobody. What a bot handed over waits no longer when
    a person has given it to somebody. Raises NotFound, Invalid.
    """
    name = ""
    if assignee is not None:
        member = (
            Membership.objects.filter(account=account, user=assignee, is_active=True).select_related("user").first()
        )
        if member is None:
            raise Invalid(FieldError("assignee", "not_found", _("This person is no member of the account.")))
        name = str(member.user)
    line = Line("assigned", {"by": actor.name, "to": name} if name else {"by": actor.name})
    claimer = actor if actor.id and assignee is not None else None
    conversation = lock_conversation(account.id, conversation_id)
    former = _name_users(conversation.assignees)
    _record(conversation, "assign", actor=actor, old={"assignees": former}, new={"assignees": [name] if name else []})
    _command(account, conversation, {"assignee_id": assignee}, line=line, claimer=claimer, now=now)


def assign_team(account: Account, conversation_id: UUID, *, actor: Agent, team: UUID | None, now: datetime) -> None:
    """Gives the conversation to a team, or to none. Who has it and is not of the team has it no more. Raises NotFound,
    Invalid.
    """
    given = Team.objects.filter(account=account, id=team).first() if team else None
    if team and given is None:
        raise Invalid(FieldError("team", "not_found", _("This account has no such team.")))
    detail = {"by": actor.name, **({"to": given.name} if given else {})}
    values: dict[str, Any] = {"team_id": team}
    conversation = lock_conversation(account.id, conversation_id)
    former = Team.objects.filter(account=account, conversation=conversation).first()
    old, new = (dict[str, Any](team=each.name if each else None) for each in (former, given))
    if given:
        values["assignee_id"] = keep_member(given)
        members = TeamMember.objects.filter(account=account, team=given)
        staying = members.filter(user__in=conversation.assignees).values_list("user", flat=True)
        if leaving := set(conversation.assignees).difference(staying):
            detail["of"] = ", ".join(_name_users(leaving))
            old["assignees"], new["assignees"] = _name_users(conversation.assignees), _name_users(staying)
    _record(conversation, "team", actor=actor, old=old, new=new)
    _command(account, conversation, values, line=Line("team", detail), now=now)


def set_status(
    account: Account,
    conversation_id: UUID,
    *,
    actor: Agent,
    status: str,
    snoozed_until: datetime | None = None,
    now: datetime,
) -> None:
    """Opens, snoozes until an instant to come, or resolves. What is resolved is read, and waits for nobody. Raises
    NotFound, Invalid.
    """
    if status not in Status.values:
        raise Invalid(FieldError("status", "invalid", _("A conversation is open, snoozed or resolved.")))
    if status == Status.SNOOZED and (snoozed_until is None or snoozed_until <= now):
        raise Invalid(FieldError("snoozed_until", "invalid", _("Choose a time that is still to come.")))
    values: dict[str, Any] = {"status": status, "snoozed_until": snoozed_until if status == Status.SNOOZED else None}
    if status == Status.RESOLVED:
        values |= {"unread": 0, "told_closed_at": None}
    detail = {"by": actor.name, **({"until": snoozed_until.isoformat()} if snoozed_until else {})}
    claimer = actor if actor.id and status == Status.RESOLVED else None
    conversation = lock_conversation(account.id, conversation_id)
    _record(conversation, "status", actor=actor, old={"status": conversation.status}, new={"status": status})
    _command(account, conversation, values, line=Line(status, detail), claimer=claimer, now=now)


def clears_unread(assignees: Collection[int], *, viewer: int, role: str | None) -> bool:
    """Unread is the team's: whom the conversation is assigned to clears it, or any agent while it is nobody's. A
    supervisor looks without a trace.
    """
    return viewer in assignees if assignees else role != Role.SUPERVISOR


def mark_read(
    account: Account, conversation_id: UUID, *, viewer: Agent, role: str | None, up_to: UUID, now: datetime
) -> bool:
    """Notes that `viewer` has seen messages up to one; whether it counts."""
    conversation = lock_conversation(account.id, conversation_id)
    if not clears_unread(conversation.assignees, viewer=viewer.id, role=role):
        return False
    if conversation.unread == 0:
        return False
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE inbox_thread t SET read_up_to = greatest(t.read_up_to, least(%s, t.last_message_id)), "
            "unread = (SELECT count(*) FROM inbox_message m "
            "WHERE m.account_id = t.account_id AND m.thread_id = t.id AND m.direction = 'inbound' "
            "AND m.id > greatest(t.read_up_to, %s) AND m.id >= %s) "
            "WHERE t.account_id = %s AND t.conversation_id = %s AND t.unread > 0",
            [up_to, up_to, oldest_visible(now, account.window), account.id, conversation_id],
        )
    _conclude(account.id, conversation_id, now=now)
    return True


def mark_unread(account: Account, conversation_id: UUID, *, since: UUID, now: datetime) -> None:
    """Counts the user's messages from `since` on as unread again, for the whole team. Raises NotFound."""
    lock_conversation(account.id, conversation_id)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE inbox_thread t SET read_up_to = %s, unread = (SELECT count(*) FROM inbox_message m "
            "WHERE m.account_id = t.account_id AND m.thread_id = t.id AND m.direction = 'inbound' AND m.id >= %s) "
            "WHERE t.account_id = %s AND t.conversation_id = %s",
            [UUID(int=since.int - 1), max(since, oldest_visible(now, account.window)), account.id, conversation_id],
        )
    _conclude(account.id, conversation_id, now=now)


def wake_snoozed(account: Account, *, now: datetime) -> int:
    """Opens what was snoozed until now; the number of conversations."""
    due = Thread.objects.filter(account=account, status=Status.SNOOZED, snoozed_until__lte=now)
    conversations = sorted(set(due.values_list("conversation_id", flat=True)))
    if conversations:
        lock_conversations(account.id, conversations)
        due.update(status=Status.OPEN, snoozed_until=None)
        fold_conversations(account.id, conversations)
        append_changes(account.id, [Change("conversation.updated", id) for id in conversations], now=now)
    return len(conversations)


def _command(
    account: Account,
    conversation: Conversation,
    values: dict[str, Any],
    *,
    line: Line,
    claimer: Agent | None = None,
    now: datetime,
) -> None:
    """On a conversation that is locked."""
    Thread.objects.filter(account=account, conversation_id=conversation.id).update(**values)
    claimed = claim_handovers(account.id, [conversation.id], taker=claimer, now=now) if claimer else []
    _conclude(account.id, conversation.id, [*claimed, *tell_line(account, conversation.id, line, now=now)], now=now)
    ask_for_routing(account.id)


def _name_users(ids: Collection[int]) -> list[str]:
    return [str(user) for user in User.objects.filter(id__in=ids).order_by("id")]


def _record(conversation: Conversation, verb: str, *, actor: Agent, old: dict[str, Any], new: dict[str, Any]) -> None:
    if old != new:
        target = str(conversation.id)
        record_audit(
            conversation.account_id, actor=actor, action=f"conversation.{verb}", target=target, old=old, new=new
        )


def _conclude(account_id: int, conversation_id: UUID, changes: Sequence[Change] = (), *, now: datetime) -> None:
    fold_conversations(account_id, [conversation_id])
    append_changes(account_id, [*changes, Change("conversation.updated", conversation_id)], now=now)
