"""Makes the demo account once, and `VAR_DIR/demo.json` with its sign-ins and tokens, `VAR_DIR/bot.json` with what its
bot is started with. `manage.py up` calls it at the first start.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.conf import settings

from inbox.demo.account import SLUG, create_demo
from oneview.accounts.models import Account
from oneview.common.command import JsonCommand
from oneview.embedded.running import write_private


class Command(JsonCommand):
    help = "Makes the demo account; one that exists is left as it is."

    def run(self, **options: Any) -> dict[str, Any]:
        if Account.objects.filter(slug=SLUG).exists():
            return {"account": SLUG, "created": False}
        demo, bot = create_demo()
        write_private(Path(settings.VAR_DIR, "bot.json"), asdict(bot))
        write_private(Path(settings.VAR_DIR, "demo.json"), asdict(demo))
        return {"account": SLUG, "created": True}
