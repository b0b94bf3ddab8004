"""The words of a timeline line, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from inbox.selectors.channels import label_of
from inbox.selectors.contacts import show_value


def describe_line(data: Mapping[str, str]) -> str:
    names = {name: data.get(name, "") for name in ("by", "to", "of")}
    match data.get("event"):
        case "assigned" if names["to"] == names["by"]:
            return _("%(by)s took this.") % names
        case "assigned" if names["to"]:
            return _("%(by)s assigned this to %(to)s.") % names
        case "assigned":
            return _("%(by)s gave this back to everybody.") % names
        case "given":
            return _("Given to %(to)s by itself.") % names
        case "left":
            return _("%(of)s has left; this is nobody's again.") % names
        case "team" if names["of"]:
            return _("%(by)s gave this to the team %(to)s; %(of)s had it.") % names
        case "team" if names["to"]:
            return _("%(by)s gave this to the team %(to)s.") % names
        case "team":
            return _("%(by)s took this out of its team.") % names
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
        case "taken_over" if names["by"]:
            return _("%(by)s took over.") % names
        case "taken_over":
            return _("Somebody took over in the channel's own app.")
        case "handed_back":
            return _("%(by)s handed this back to the bot.") % names
        case "handed_over":
            return _describe_handover(data)
        case "escalated":
            minutes = int(data.get("minutes", "0"))
            told = ngettext(
                "Nobody has taken this over for %(minutes)s minute. Supervisors were told.",
                "Nobody has taken this over for %(minutes)s minutes. Supervisors were told.",
                minutes,
            )
            return told % {"minutes": minutes}
        case "joined":
            return _describe_join(data)
    return ""


def _describe_handover(data: Mapping[str, str]) -> str:
    if data.get("by"):
        return _("%(by)s handed this over: %(reason)s") % {"by": data["by"], "reason": data.get("reason", "")}
    minutes = int(data.get("minutes", "0"))
    told = ngettext(
        "The bot did not answer for %(minutes)s minute. This is for people now.",
        "The bot did not answer for %(minutes)s minutes. This is for people now.",
        minutes,
    )
    return told % {"minutes": minutes}


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
