"""The words that an account has of its own: attributes of contacts, and tags. What was said with one that is removed
stays stored and hidden; it is back when the word is.
"""

from __future__ import annotations

from django.utils.translation import gettext as _

from inbox.attributes import CONSENT, RESERVED
from inbox.models import AttributeDefinition, Tag
from oneview.accounts.models import Account, User
from oneview.accounts.services import record_audit
from oneview.common.errors import FieldError, Invalid

MOST = 200  # of each


def check_attribute(account_id: int, attribute: AttributeDefinition) -> None:
    """Raises Invalid."""
    errors = []
    if attribute.name in RESERVED or attribute.name.startswith(CONSENT):
        errors.append(FieldError("name", "taken", _("OneView itself uses this key.")))
    is_choice = attribute.type == AttributeDefinition.Type.CHOICE
    if is_choice != bool(attribute.choices):
        errors.append(FieldError("choices", "invalid", _("A choice has choices, nothing else has.")))
    others = AttributeDefinition.objects.filter(account=account_id).exclude(id=attribute.id)
    if others.filter(name=attribute.name).exists():
        errors.append(FieldError("name", "taken", _("Another attribute has this key.")))
    if others.count() >= MOST:
        errors.append(FieldError("name", "too_many", _("There is room for %(limit)s.") % {"limit": MOST}))
    if errors:
        raise Invalid(*errors)


def save_attribute(account: Account, attribute: AttributeDefinition, *, actor: User) -> None:
    """Raises Invalid."""
    check_attribute(account.id, attribute)
    old = AttributeDefinition.objects.filter(account=account, id=attribute.id).first()
    attribute.account = account
    attribute.save()
    record_audit(
        account.id,
        actor=actor,
        action="attribute.edit" if old else "attribute.add",
        target=attribute.name,
        old=_describe(old) if old else None,
        new=_describe(attribute),
    )


def remove_attribute(account: Account, attribute: AttributeDefinition, *, actor: User) -> None:
    AttributeDefinition.objects.filter(account=account, id=attribute.id).delete()
    record_audit(account.id, actor=actor, action="attribute.remove", target=attribute.name, old=_describe(attribute))


def check_tag(account_id: int, tag: Tag) -> None:
    """Raises Invalid."""
    others = Tag.objects.filter(account=account_id).exclude(id=tag.id)
    if others.filter(name__iexact=tag.name).exists():
        raise Invalid(FieldError("name", "taken", _("There is this tag already.")))
    if others.count() >= MOST:
        raise Invalid(FieldError("name", "too_many", _("There is room for %(limit)s.") % {"limit": MOST}))


def add_tag(account: Account, tag: Tag, *, actor: User) -> None:
    """Raises Invalid."""
    check_tag(account.id, tag)
    tag.account = account
    tag.save()
    record_audit(account.id, actor=actor, action="tag.add", target=tag.name)


def remove_tag(account: Account, tag: Tag, *, actor: User) -> None:
    Tag.objects.filter(account=account, id=tag.id).delete()
    record_audit(account.id, actor=actor, action="tag.remove", target=tag.name)


def _describe(attribute: AttributeDefinition) -> dict[str, object]:
    fields = ("label", "type", "choices", "group", "position")
    return {field: getattr(attribute, field) for field in fields}
