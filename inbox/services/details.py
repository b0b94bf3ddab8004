"""What people and bots write of a contact: details, attributes, tags. All wait for the account lock, since they write
identities.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from identity.attributes import NAMED_BY_KEY, NO, TAG, YES, Rank
from identity.models import Identity
from identity.selectors import list_words
from identity.services import Key, Sighting, describe, observe
from inbox.attributes import NAMED, Value, clean_value
from inbox.realtime import Change, append_changes
from inbox.selectors.attributes import list_tags, read_attributes
from inbox.selectors.contacts import get_contact
from inbox.services.contacts import apply_moves
from inbox.shapes import Agent, ContactShape
from oneview.accounts.models import Account
from oneview.accounts.services import record_audit
from oneview.common.errors import Conflict, FieldError, Invalid
from oneview.common.ids import new_id
from oneview.common.scope import lock_account

MOST_TAGS = 50


def edit_contact(
    account: Account,
    contact_id: UUID,
    *,
    actor: Agent,
    changes: Mapping[str, Value],
    tags: Collection[str] | None = None,
    version: int | None = None,
    before: Mapping[str, str] | None = None,
    rank: Rank = Rank.AGENT,
    now: datetime,
) -> ContactShape:
    """Writes details and attributes of a contact of this account, and of no other, and replaces its tags. An empty
    value takes the word of that rank back; of rank TYPED it stands behind what agents and platforms say.

    `before`: what the editor saw of the fields. Raises NotFound, Invalid, and Conflict with the contact as it stands
    when somebody else changed one of them since, or anything since `version`.
    """
    lock_account(account.id)
    contact = get_contact(account.id, contact_id)
    cleaned = _clean(account, changes)
    if version is not None and version != contact.version:
        raise _conflict(contact, {**changes, **({} if tags is None else {"tags": list(tags)})})
    for name, value in cleaned.items():
        if before is not None and contact.attributes.get(name, "") not in (before.get(name, ""), value):
            raise _conflict(contact, changes)
    said = dict(cleaned)
    if tags is not None:
        said |= _read_tags(account, contact, add=set(tags) - set(contact.tags), remove=set(contact.tags) - set(tags))
    return _write(account, contact, said, actor=actor, rank=rank, now=now)


def change_tags(
    account: Account,
    contact_id: UUID,
    *,
    actor: Agent,
    add: Collection[str] = (),
    remove: Collection[str] = (),
    now: datetime,
) -> ContactShape:
    """Puts tags on a contact and takes others off, whoever else does so. Raises NotFound, Invalid."""
    lock_account(account.id)
    contact = get_contact(account.id, contact_id)
    said = _read_tags(account, contact, add=add, remove=remove)
    return _write(account, contact, said, actor=actor, rank=Rank.AGENT, now=now)


def put_back(
    account: Account,
    contact_id: UUID,
    *,
    actor: Agent,
    field: str,
    old: Any,
    new: Any,
    entry: UUID,
    before: str | None,
    now: datetime,
) -> ContactShape:
    """Undoes what the audit's `entry` says was done to one field; a value that others say anyway becomes theirs again.
    Raises as `edit_contact`.
    """
    lock_account(account.id)
    contact = get_contact(account.id, contact_id)
    if field == "tags":
        said = _read_tags(account, contact, add=set(old) - set(new), remove=set(new) - set(old))
    else:
        said = _clean(account, {field: old})
        if before is not None and contact.attributes.get(field, "") not in (before, said[field]):
            raise _conflict(contact, {field: old})
        words = list_words(account.id, [contact.id])[contact.id].get(field, [])
        if next((word.value for word in words if word.rank > Rank.AGENT), "") == said[field]:
            said[field] = ""
    return _write(account, contact, said, actor=actor, rank=Rank.AGENT, now=now, reverts=entry)


def _write(
    account: Account,
    contact: ContactShape,
    said: Mapping[str, str],
    *,
    actor: Agent,
    rank: Rank,
    now: datetime,
    reverts: UUID | None = None,
) -> ContactShape:
    """Recorded is what shows afterwards and did not before."""
    describe(account.id, contact.id, said, rank=rank, now=now)
    if rank == Rank.TYPED:
        _observe_keys(account, contact.id, said, now=now)
    written = get_contact(account.id, contact.id)
    names = [name for name in said if not name.startswith(TAG)]
    old: dict[str, Any] = {name: contact.attributes.get(name, "") for name in names}
    new: dict[str, Any] = {name: written.attributes.get(name, "") for name in names}
    changed = [name for name in names if old[name] != new[name]]
    if contact.tags != written.tags:
        changed.append("tags")
        old["tags"], new["tags"] = list(contact.tags), list(written.tags)
    if not changed:
        return written
    record_audit(
        account.id,
        actor=actor,
        action="contact.revert" if reverts else "contact.edit",
        target=str(contact.id),
        old={name: old[name] for name in changed},
        new={name: new[name] for name in changed} | ({"reverts": str(reverts)} if reverts else {}),
    )
    changes = [Change("contact.updated", written.id), Change("conversation.updated", written.id)]
    append_changes(account.id, changes, now=now)
    return written


def _observe_keys(account: Account, contact_id: UUID, said: Mapping[str, str], *, now: datetime) -> None:
    """A number or an address that a bot was told is evidence of the class typed, and links what the account's rules let
    it. Not for an identity whose address is somebody else's by now.
    """
    keys = tuple(Key("typed", name, value) for name, value in said.items() if name in NAMED_BY_KEY and value)
    identity = Identity.objects.get(account=account, id=contact_id)
    address = {"kind": identity.kind, "scope": identity.scope, "value": identity.value}
    if not keys or Identity.objects.filter(account=account, **address, epoch__gt=identity.epoch).exists():
        return
    seen = Sighting(identity.kind, identity.scope, identity.raw_value, now, source=new_id(), keys=keys, rank=Rank.TYPED)
    apply_moves(account.id, observe(account.id, [seen], now=now).moves, now=now)


def _clean(account: Account, changes: Mapping[str, Value]) -> dict[str, str]:
    known = read_attributes(account.id)
    cleaned = {}
    for name, value in changes.items():
        field = name if name in NAMED else f"attributes.{name}"
        if name not in known:
            raise Invalid(FieldError(field, "unknown", _("There is no such detail.")))
        cleaned[name] = clean_value(known[name], value, field=field, region=account.region or None)
    return cleaned


def _read_tags(
    account: Account, contact: ContactShape, *, add: Collection[str], remove: Collection[str]
) -> dict[str, str]:
    """What is said of the tags. One that is taken off stays off, though a bot says it too."""
    known = set(list_tags(account.id))
    if unknown := sorted(set(add) - known):
        message = _("There is no tag “%(tag)s”.") % {"tag": unknown[0]}
        raise Invalid(FieldError("tags", "unknown", message))
    if len(set(contact.tags) | set(add)) > MOST_TAGS:
        raise Invalid(FieldError("tags", "too_many", _("There is room for %(limit)s tags.") % {"limit": MOST_TAGS}))
    return {f"{TAG}{tag}": YES for tag in add} | {f"{TAG}{tag}": NO for tag in remove}


def _conflict(contact: ContactShape, yours: Mapping[str, Any]) -> Conflict:
    return Conflict(_("Somebody else changed these details in the meantime."), current=contact, yours=dict(yours))
