"""Taking the turn, handing over and handing back. Repeating any of them changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from inbox.folds import fold_conversations, lock_conversation
from inbox.lines import Line, tell_line
from inbox.models import Handover, Message, Thread
from inbox.models.thread import Status, Turn
from inbox.realtime import Change, append_changes
from inbox.selectors.bots import list_answering_bots
from inbox.services.teams import keep_member
from inbox.shapes import Agent
from inbox.turns import claim_handovers, take_turns
from oneview.accounts.models import Account, Team
from oneview.accounts.services import ask_for_routing, record_audit
from oneview.common.errors import FieldError, Invalid, NotPossible


def take_over(account: Account, conversation_id: UUID, *, actor: Agent, now: datetime) -> None:
    """Takes the turn from the bot, and what a bot handed over; it becomes the actor's where it is nobody's. Raises
    NotFound.
    """
    conversation = lock_conversation(account.id, conversation_id)
    changes = take_turns(account, [conversation_id], taker=actor, now=now)
    if not conversation.assignees:
        Thread.objects.filter(account=account, conversation_id=conversation_id).update(assignee_id=actor.id)
        values = {"old": {"assignees": []}, "new": {"assignees": [actor.name]}}
        record_audit(account.id, actor=actor, action="conversation.assign", target=str(conversation_id), **values)
        if not changes:
            line = Line("assigned", {"by": actor.name, "to": actor.name})
            changes = tell_line(account, conversation_id, line, now=now)
    elif not changes:
        return
    _conclude(account.id, conversation_id, changes, now=now)


def hand_back(account: Account, conversation_id: UUID, *, actor: Agent, now: datetime) -> None:
    """Gives the turn to the bot; whose the conversation is stays. Raises NotFound, and NotPossible where no bot
    answers.
    """
    conversation = lock_conversation(account.id, conversation_id)
    if not list_answering_bots(account.id, channels=conversation.channels):
        raise NotPossible(_("No bot answers on these channels."))
    if conversation.turn == Turn.BOT:
        return
    Thread.objects.filter(account=account, conversation_id=conversation_id).update(turn=Turn.BOT)
    changes = [
        *claim_handovers(account.id, [conversation_id], taker=actor, now=now),
        *tell_line(account, conversation_id, Line("handed_back", {"by": actor.name}), now=now),
        Change("conversation.handed_back", conversation_id),
    ]
    record_audit(account.id, actor=actor, action="conversation.hand_back", target=str(conversation_id))
    _conclude(account.id, conversation_id, changes, now=now)


def hand_over(
    account: Account,
    conversation_id: UUID,
    *,
    bot: str,
    reason: str,
    summary: str = "",
    team: UUID | None = None,
    now: datetime,
) -> None:
    """A bot gives the conversation to people, who find it open, with its words. `team`: whose it is from now on, and
    nobody's who is not of it. Raises NotFound, Invalid.
    """
    conversation = lock_conversation(account.id, conversation_id)
    given = Team.objects.filter(account=account, id=team).first() if team else None
    if team and given is None:
        raise Invalid(FieldError("team", "not_found", _("This account has no such team.")))
    if conversation.turn == Turn.HUMAN:
        return
    if given:
        threads = Thread.objects.filter(account=account, conversation_id=conversation_id)
        threads.update(team_id=team, assignee_id=keep_member(given))
    line = Line("handed_over", {"by": bot, "reason": reason})
    changes = give_to_people(account, conversation_id, line, bot=bot, reason=reason, summary=summary, now=now)
    record_audit(
        account.id,
        actor=Agent(0, bot),
        action="conversation.hand_over",
        target=str(conversation_id),
        new={"team": given.name} if given else None,
    )
    _conclude(account.id, conversation_id, changes, now=now)


def give_to_people(
    account: Account, conversation_id: UUID, line: Line, *, bot: str, reason: str, summary: str, now: datetime
) -> list[Change]:
    """Turns a locked conversation over and opens it, with a handover that waits; for the caller to fold and to tell."""
    Thread.objects.filter(account=account, conversation_id=conversation_id).update(
        turn=Turn.HUMAN, status=Status.OPEN, snoozed_until=None
    )
    changes = tell_line(account, conversation_id, line, now=now)
    [written] = Message.objects.filter(account=account, id__in=[change.message for change in changes])
    Handover.objects.create(
        id=written.id, account=account, thread_id=written.thread_id, bot=bot, reason=reason, summary=summary, at=now
    )
    ask_for_routing(account.id)
    detail = {"handover": str(written.id)}
    return [*changes, Change("conversation.handed_over", conversation_id, detail=detail)]


def _conclude(account_id: int, conversation_id: UUID, changes: Sequence[Change], *, now: datetime) -> None:
    fold_conversations(account_id, [conversation_id])
    append_changes(account_id, [*changes, Change("conversation.updated", conversation_id)], now=now)
