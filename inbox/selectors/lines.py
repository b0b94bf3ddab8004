"""The words of a timeline line, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext as _


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
    return ""
