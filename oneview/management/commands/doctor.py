"""Says what is wrong with this installation and what to do about it: `manage.py doctor`."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand

from oneview.diagnosis import examine


class Command(BaseCommand):
    help = "Says what is wrong and what to do about it. Exit code 1 when something must be changed."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        findings = examine()
        healthy = not any(finding.fault for finding in findings)
        self.stdout.write(json.dumps({"healthy": healthy, "findings": [asdict(each) for each in findings]}))
        for finding in findings:
            self.stderr.write(f"{'FAULT' if finding.fault else 'note'}: {finding.what} {finding.do}")
        if not healthy:
            sys.exit(1)
