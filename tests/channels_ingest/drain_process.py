"""A drain as a process of its own: `python -m tests.channels_ingest.drain_process SINK LIVES [FUNCTION]`.

It kills itself where it would call FUNCTION of the drain's module. Killed, it comes back until its LIVES are used up.
"""

from __future__ import annotations

import os
import signal
import sys

import django
from django.conf import settings

from oneview.embedded.process import die_with_parent


def main(sink: str, lives: str, deadly: str = "") -> int:
    os.environ["DJANGO_SETTINGS_MODULE"] = "oneview.settings"
    django.setup()
    from channels_ingest import drain

    settings.CHANNELS_INGEST_SINK = sink
    if deadly:
        setattr(drain, deadly, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
    follow = die_with_parent(signal.SIGTERM)
    status = 0
    for _ in range(int(lives)):
        child = os.fork()
        if child == 0:
            follow()
            run()
            os._exit(0)
        signal.signal(signal.SIGTERM, lambda *_, child=child: os.kill(child, signal.SIGTERM))
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status != -signal.SIGKILL:
            break
    return abs(status)


def run() -> None:
    from channels_ingest.drain import Drain

    worker = Drain()
    signal.signal(signal.SIGTERM, lambda *_: worker.stop())
    worker.run()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
