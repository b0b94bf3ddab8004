"""What an account wants to know of its contacts."""

from __future__ import annotations

from inbox.attributes import NAMED, Attribute, name_attribute
from inbox.models import AttributeDefinition, Tag


def read_attributes(account_id: int) -> dict[str, Attribute]:
    """Those that people fill, by name: the named ones, then the account's own in their order."""
    own = AttributeDefinition.objects.filter(account=account_id).order_by("position", "label")
    return {name: name_attribute(name) for name in NAMED} | {
        each.name: Attribute(each.name, each.label, each.type, tuple(each.choices), each.group, own=True)
        for each in own
    }


def list_tags(account_id: int) -> tuple[str, ...]:
    """The words that may be put on contacts."""
    return tuple(Tag.objects.filter(account=account_id).order_by("name").values_list("name", flat=True))
