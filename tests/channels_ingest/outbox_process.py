"""A delivery as a process: `python -m tests.channels_ingest.outbox_process SINK ACCOUNT THREAD FUNCTION WHEN`.

It kills itself `before` or `after` FUNCTION of the outbox's module.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any
from uuid import UUID

import django
from django.conf import settings


def main(sink: str, account: str, thread: str, deadly: str, when: str) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "oneview.settings"
    django.setup()
    from channels_ingest import outbox

    settings.CHANNELS_INGEST_SINK = sink
    function = getattr(outbox, deadly)

    def die(*arguments: Any, **named: Any) -> Any:
        if when == "after":
            function(*arguments, **named)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(outbox, deadly, die)
    outbox.deliver(int(account), UUID(thread))


if __name__ == "__main__":
    main(*sys.argv[1:])
