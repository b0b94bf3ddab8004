"""What Meta says of the page itself: shown to supervisors."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from channels_ingest.events import ChannelNotice
from channels_ingest.payload import read_list, read_text

_POLICIES = {
    "block": "Messenger has blocked this page from sending.",
    "unblock": "Messenger lets this page send again.",
    "warning": "Messenger warns this page.",
}


def build_policy_notice(page: str, at: datetime, policy: dict[str, Any]) -> ChannelNotice:
    action, reason = read_text(policy.get("action"), limit=40), read_text(policy.get("reason"), limit=400)
    words = _POLICIES.get(action) or f"Messenger reports on its rules: {action}"
    return ChannelNotice(page, at, "policy", f"{words} {reason}".strip(), severe=action == "block")


def build_roles_notice(page: str, at: datetime, roles: dict[str, Any]) -> ChannelNotice:
    """{app id: its roles}: which app has the first word in this page's conversations."""
    apps = [
        f"app {read_text(app, limit=40)} is {', '.join(read_text(role, limit=40).replace('_', ' ') for role in given)}"
        for app, given in ((app, read_list(given)) for app, given in roles.items())
        if given
    ]
    text = "; ".join(apps)[:400] or "none"
    return ChannelNotice(page, at, "roles", f"The roles of apps on this page have changed: {text}.")
