"""Management commands for people and scripts: one JSON object on standard output, or an error and exit 1."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from oneview.common.errors import OneViewError


class JsonCommand(BaseCommand):
    """Subclasses write `run`, which returns the object to print."""

    requires_system_checks = ()

    def run(self, **options: Any) -> dict[str, Any]:
        raise NotImplementedError

    def handle(self, *args: Any, **options: Any) -> str:
        try:
            return json.dumps(self.run(**options), default=str)
        except OneViewError as error:
            raise CommandError(error.detail) from error
