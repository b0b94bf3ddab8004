"""`manage.py compilemessages` makes what Django reads of the translations. Django's own one needs gettext."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand

from oneview.catalogues import compile_catalogues


class Command(BaseCommand):
    help = "Compiles the translations that changed."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(json.dumps({"compiled": [path.parts[-3] for path in compile_catalogues()]}))
