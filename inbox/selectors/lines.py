"""The words of a timeline line, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext as _

from inbox.selectors.channels import label_of
from inbox.selectors.contacts import show_value


def describe_line(data: Mapping[str, str]) -> str:
    names = {"by": data.get("by", ""), "to": data.get("to", "")}
    match data.get("event"):
        case "assigned" if names["to"] == names["by"]:
            return _("%(by)s took this.") % names
        case "assigned" if names["to"]:
            return _("%(by)s assigned this to %(to)s.") % names
        case "assigned":
            return _("%(by)s gave this back to everybody.") % names
        case "open":
            return _("%(by)s opened this again.") % names
        case "snoozed":
            return _("%(by)s put this aside until later.") % names
        case "resolved":
            return _("%(by)s resolved this.") % names
        case "blocked":
            return _("%(by)s blocked this user.") % names
        case "spam":
            return _("%(by)s marked this as spam and blocked the user.") % names
        case "unblocked":
            return _("%(by)s lifted the block.") % names
        case "joined":
            return _describe_join(data)
    return ""


def _describe_join(data: Mapping[str, str]) -> str:
    channels = ", ".join(label_of(kind) for kind in data.get("channels", "").split(","))
    told = {"channels": channels, "value": show_value(data.get("shared", ""), data.get("value", ""))}
    match data.get("shared"), data.get("rule"):
        case "phone", _rule:
            return _("One user from here on: the same phone number, %(value)s (%(channels)s).") % told
        case "email", _rule:
            return _("One user from here on: the same e-mail address, %(value)s (%(channels)s).") % told
        case "customer", _rule:
            return _("One user from here on: the same customer id, %(value)s (%(channels)s).") % told
        case _shared, "possession":
            return _("One user from here on: the same browser, before signing in (%(channels)s).") % told
    return _("One user from here on (%(channels)s).") % told
