"""The contact of a conversation: details, identities, and why they belong together."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import F
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from identity.attributes import Rank, format_phone
from identity.models import Contact
from identity.selectors import Link, Member, find_contact_ids, get_contacts, list_members_of, list_words
from inbox.attributes import CONSENT, LABELS
from inbox.models import Thread
from inbox.reach import Reach
from inbox.selectors.attributes import list_tags, read_attributes
from inbox.selectors.channels import get_channels, label_of
from inbox.selectors.reach import is_in_reach
from inbox.shapes import ChannelShape, ContactShape, IdentityShape
from oneview.common.errors import NotFound

KEYS = {
    "phone": gettext_lazy("Phone"),
    "email": gettext_lazy("E-mail"),
    "customer": gettext_lazy("Customer id"),
    "visitor": gettext_lazy("Visitor"),
}


def get_contact(account_id: int, contact_id: UUID) -> ContactShape:
    """Any identity id ever handed out finds its contact. Raises NotFound."""
    found = read_contacts(account_id, [contact_id])
    if not found:
        raise NotFound(_("This contact does not exist."))
    return found[contact_id]


def find_contact(account_id: int, contact_id: UUID, *, now: datetime, window: timedelta, reach: Reach) -> ContactShape:
    """As `get_contact`, for those who see its conversation. Who sees everything finds also one without any."""
    contact = get_contact(account_id, contact_id)
    if not is_in_reach(account_id, contact.id, now=now, window=window, reach=reach):
        raise NotFound(_("This contact does not exist."))
    return contact


def read_contacts(account_id: int, ids: Collection[UUID]) -> dict[UUID, ContactShape]:
    """The contacts of those of the ids that exist, by the id asked for."""
    current = find_contact_ids(account_id, ids) if ids else {}
    contacts = get_contacts(account_id, set(current.values())) if current else {}
    if not contacts:
        return {}
    members = list_members_of(account_id, contacts)
    identities = [member.id for each in members.values() for member in each]
    channels = get_channels(account_id)
    threads = Thread.objects.filter(account=account_id, identity__in=identities)
    newest_last = threads.order_by(F("last_message_id").asc(nulls_first=True), "id")
    thread_of = {thread.identity_id: thread for thread in newest_last}
    gone = _list_gone(account_id, contacts)
    tags = set(list_tags(account_id)) if any(contact.tags for contact in contacts.values()) else set()
    shapes = {
        id: _shape_contact(contact, members[id], thread_of, channels, gone, tags) for id, contact in contacts.items()
    }
    return {id: shapes[contact] for id, contact in current.items() if contact in shapes}


def _shape_contact(
    contact: Contact,
    members: Sequence[Member],
    thread_of: Mapping[UUID, Thread],
    channels: Mapping[UUID, ChannelShape],
    gone: Collection[tuple[UUID, str]],
    tags: Collection[str],
) -> ContactShape:
    by_id = {member.id: member for member in members}
    attributes = {name: value for name, value in contact.attributes.items() if (contact.id, name) not in gone}
    return ContactShape(
        id=contact.id,
        name=contact.name,
        phone=attributes.get("phone", ""),
        email=attributes.get("email", ""),
        language=attributes.get("language", ""),
        tags=tuple(tag for tag in contact.tags if tag in tags),
        attributes=attributes,
        identities=tuple(_shape_identity(member, by_id, thread_of.get(member.id), channels) for member in members),
        blocked=contact.blocked,
        version=contact.version,
    )


def _list_gone(account_id: int, contacts: Mapping[UUID, Contact]) -> set[tuple[UUID, str]]:
    """Attributes whose definition was deleted: what people or bots wrote under a name that means nothing any more."""
    known = {*read_attributes(account_id), *LABELS}
    unknown = {
        (contact.id, name)
        for contact in contacts.values()
        for name in contact.attributes
        if name not in known and not name.startswith(CONSENT)
    }
    words = list_words(account_id, {id for id, _name in unknown}) if unknown else {}
    return {(id, name) for id, name in unknown if words[id][name][0].rank in (Rank.AGENT, Rank.TYPED)}


def _shape_identity(
    member: Member, by_id: Mapping[UUID, Member], thread: Thread | None, channels: Mapping[UUID, ChannelShape]
) -> IdentityShape:
    return IdentityShape(
        id=member.id,
        kind=member.kind,
        scope=member.scope,
        label=kind_label(member.kind),
        value=show_value(member.kind, member.raw_value),
        verified=thread is not None or member.link is not None,
        first_seen=member.first_seen,
        channel=channels[thread.channel_id] if thread else None,
        thread=thread.id if thread and thread.last_message_id else None,
        reason=_reason(member, by_id),
        link=member.link.id if member.link else None,
        canonical=member.link is None,
    )


def kind_label(kind: str) -> str:
    return str(KEYS.get(kind) or label_of(kind))


def show_value(kind: str, value: str) -> str:
    """A value as people read it: numbers in international form."""
    digits = f"+{value}" if kind in ("whatsapp", "sms") and value.isdigit() else value
    return format_phone(digits) if digits.startswith("+") else value


def _reason(member: Member, by_id: Mapping[UUID, Member]) -> str:
    """One sentence: what makes this identity the contact's."""
    if member.link is None:
        return _("The contact is named after this one.")
    other = by_id.get(member.link.other)
    return explain_link(member.link, kind=member.kind, other=other.kind if other else "")


def explain_link(link: Link, *, kind: str, other: str) -> str:
    endpoint = kind_label(other if kind in KEYS else kind)
    match link.rule:
        case "platform":
            return _("%(channel)s vouches for it.") % {"channel": endpoint}
        case "signed":
            return _("Signed by your own system.")
        case "possession" if "visitor" in (kind, other):
            return _("The same browser, before the user signed in.")
        case "possession":
            return _("The user wrote from it by %(channel)s.") % {"channel": endpoint}
        case "typed":
            return _("The user typed it.")
        case "link":
            return _("Joined by an agent.")
        case rule:
            return _("Linked by the rule “%(rule)s”.") % {"rule": rule}
