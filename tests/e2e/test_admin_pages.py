"""Lists and forms of the admin in a browser: on every screen, and for everybody."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe

from oneview.accounts.models import Membership
from tests.e2e.conftest import Open
from tests.e2e.test_overview import RULES
from tests.security.worlds import make_world

PAGES = (
    "channels_ingest/channel/",
    "accounts/auditentry/",
    "inbox/message/",
    "accounts/bot/add/",
    "accounts/team/add/",
)


@pytest.mark.committed
@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (1024, "dark"), (390, "dark")])
def test_they_fit_and_axe_has_nothing_to_say(alice: Membership, open_inbox: Open, width: int, scheme: str) -> None:
    make_world(alice, "Acme")
    page = open_inbox(alice, width=width, color_scheme=scheme)
    for address in PAGES:
        page.goto(f"/admin/{address}?q=Acme" if address == "accounts/auditentry/" else f"/admin/{address}")
        violations = Axe().run(page, options={"runOnly": RULES, "preload": False}).response["violations"]
        assert [(each["id"], each["nodes"][0]["target"]) for each in violations] == [], address
        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
