"""The list, and the head of one conversation. A page of the list takes a fixed number of queries."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, F, Q, QuerySet
from django.utils.translation import gettext as _

from channels_ingest.registry import get_channel
from identity.models import Contact
from identity.selectors import find_contact_id
from inbox.models import Conversation, Thread
from inbox.models.thread import Status
from inbox.reach import Reach
from inbox.selectors.channels import get_channels, show_in_app
from inbox.selectors.mentions import list_mentioning
from inbox.selectors.rows import read_rows
from inbox.selectors.visibility import oldest_visible
from inbox.shapes import Allowed, ChannelShape, ConversationShape, Counts, Page
from oneview.common.errors import FieldError, Invalid, NotFound


def list_conversations(
    account_id: int,
    *,
    now: datetime,
    window: timedelta,
    reach: Reach,
    viewer_id: int | None = None,
    box: str = "all",
    status: str = Status.OPEN,
    unread: bool = False,
    channel: UUID | None = None,
    team: UUID | None = None,
    assignee: int | None = None,
    label: str | None = None,
    q: str = "",
    cursor: str | None = None,
    limit: int = 30,
) -> Page:
    """Newest first. `box`: mine, unassigned, all or mentions; `status`: open, snoozed, resolved or all;
    `cursor`: from the page before.

    Raises Invalid for a cursor of nobody.
    """
    rows = _visible(account_id, now=now, window=window, reach=reach)
    if status != "all":
        rows = rows.filter(status=status)
    if box == "mine":
        rows = rows.filter(Q(assignee=viewer_id) | Q(assignees__contains=[viewer_id]))
    elif box == "unassigned":
        rows = rows.filter(assignee=None)
    elif box == "mentions":
        since = oldest_visible(now, window)
        rows = rows.filter(id__in=list_mentioning(account_id, user_id=viewer_id or 0, since=since))
    if assignee is not None:
        rows = rows.filter(assignee=assignee)
    if unread:
        rows = rows.filter(unread__gt=0)
    if channel is not None:
        rows = rows.filter(channels__contains=[channel])
    if team is not None:
        rows = rows.filter(team=team)
    if label:
        rows = rows.filter(labels__contains=[label])
    if q.strip():
        rows = rows.filter(id__in=_search_contacts(account_id, q.strip()))
    if cursor:
        rows = rows.filter(last_message_id__lt=_read_cursor(cursor))
    page = list(rows.order_by("-last_message_id").values_list("id", "last_message_id")[: limit + 1])
    shapes = read_rows(account_id, [id for id, _ in page[:limit]], now=now, window=window)
    return Page(shapes, page[limit - 1][1].hex if len(page) > limit else None)


def get_conversation(
    account_id: int, conversation_id: UUID, *, now: datetime, window: timedelta, reach: Reach
) -> ConversationShape:
    """Any identity id ever handed out finds its conversation; its id may be another one now. Raises NotFound, also for
    what is out of reach.
    """
    found = read_rows(account_id, [conversation_id], now=now, window=window)
    if not found:
        contact = find_contact_id(account_id, conversation_id)
        found = read_rows(account_id, [contact], now=now, window=window) if contact else ()
    if not found or not reach.sees(found[0]):
        raise NotFound(_("This conversation does not exist or nothing of it can be seen any more."))
    return found[0]


def count_boxes(account_id: int, *, now: datetime, window: timedelta, reach: Reach, viewer_id: int) -> Counts:
    """Open conversations in each box; `badge` counts the unread ones of mine and of nobody, `mentions` every one that
    holds a note for me.
    """
    visible = _visible(account_id, now=now, window=window, reach=reach)
    since = oldest_visible(now, window)
    calling = visible.filter(id__in=list_mentioning(account_id, user_id=viewer_id, since=since, unseen=True))
    mine, free = Q(assignees__contains=[viewer_id]), Q(assignee=None)
    counted = visible.filter(status=Status.OPEN).aggregate(
        mine=Count("id", filter=mine),
        unassigned=Count("id", filter=free),
        all=Count("id"),
        badge=Count("id", filter=Q(unread__gt=0) & (mine | free)),
    )
    return Counts(**counted, mentions=calling.count())


def list_allowed(account_id: int, conversation_id: UUID, *, now: datetime, window: timedelta) -> tuple[Allowed, ...]:
    """What may be sent where, the thread that the user wrote in last first."""
    channels = get_channels(account_id)
    blocked = is_blocked(account_id, conversation_id)
    threads = Thread.objects.filter(account=account_id, conversation_id=conversation_id, last_message_id__isnull=False)
    ordered = threads.order_by(F("last_inbound_at").desc(nulls_last=True), "id")
    return tuple(allow(thread, _channel_of(thread, channels), blocked=blocked, now=now) for thread in ordered)


def read_labels(account_id: int, conversation_id: UUID) -> list[str]:
    """None for a conversation that does not exist."""
    labels = Conversation.objects.filter(account=account_id, id=conversation_id).values_list("labels", flat=True)
    return next(iter(labels), [])


def is_blocked(account_id: int, contact_id: UUID) -> bool:
    return Contact.objects.filter(account=account_id, id=contact_id, blocked=True).exists()


def _channel_of(thread: Thread, channels: Mapping[UUID, ChannelShape]) -> ChannelShape:
    channel = channels[thread.channel_id]
    return show_in_app(channel) if thread.address.get("platform") in ("ios", "android") else channel


def allow(thread: Thread, channel: ChannelShape, *, blocked: bool, now: datetime) -> Allowed:
    """What may be sent to one thread at `now`."""
    capabilities = get_channel(channel.kind).capabilities
    if blocked:
        return Allowed(thread.id, channel, "nothing", _("This contact is blocked."), None)
    if not channel.connected:
        return Allowed(
            thread.id, channel, "nothing", _("This channel is disconnected. A supervisor can connect it again."), None
        )
    if capabilities.window is None:
        return Allowed(thread.id, channel, "text", "", None)
    until = thread.last_inbound_at + capabilities.window if thread.last_inbound_at else None
    if until and until > now:
        return Allowed(thread.id, channel, "text", "", until)
    hours = int(capabilities.window.total_seconds() // 3600)
    reason = _("This user has not written here yet.")
    if until:
        reason = _("%(hours)s hours have passed since this user last wrote here.") % {"hours": hours}
    return Allowed(thread.id, channel, "template" if capabilities.templates else "nothing", reason, until)


def _visible(account_id: int, *, now: datetime, window: timedelta, reach: Reach) -> QuerySet[Conversation]:
    rows = Conversation.objects.filter(account=account_id, last_message_id__gte=oldest_visible(now, window))
    return rows.filter(reach.condition)


def _search_contacts(account_id: int, q: str) -> QuerySet[Contact, Any]:
    contacts = Contact.objects.filter(account=account_id)
    return contacts.filter(
        Q(name__icontains=q) | Q(attributes__phone__contains=q) | Q(attributes__email__icontains=q)
    ).values("id")


def _read_cursor(cursor: str) -> UUID:
    try:
        return UUID(hex=cursor)
    except ValueError:
        raise Invalid(FieldError("cursor", "invalid", _("This is no cursor of this list."))) from None
