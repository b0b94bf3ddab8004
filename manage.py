#!/usr/bin/env python3
"""Every command of OneView; `up` and `test` need nothing but this file and Python."""

import os
import sys

if sys.version_info < (3, 11):
    sys.exit("OneView needs Python 3.11 or newer; this is " + sys.version.split()[0] + ".")

from oneview import bootstrap


def main() -> None:
    command = sys.argv[1] if len(sys.argv) > 1 else "help"
    if command == "up":
        bootstrap.enter("base")
        from oneview.embedded.up import main as up

        sys.exit(up())
    if command == "test":
        bootstrap.enter("dev")
        os.chdir(bootstrap.ROOT)
        os.execv(sys.executable, [sys.executable, "-m", "pytest", *sys.argv[2:]])
    bootstrap.reenter()
    run_command()


def run_command() -> None:
    """Any other command, in Django."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "oneview.settings")
    os.environ.setdefault("POOL", "0")
    from django.core.management import execute_from_command_line
    from django.db import OperationalError

    from oneview.embedded import running

    try:
        execute_from_command_line(sys.argv)
    except OperationalError as error:
        if running.read() is not None or "DATABASE_URL" in os.environ:
            raise
        sys.exit(f"{error}\nOneView does not run here. Start it with `python3 manage.py up`, or set DATABASE_URL.")


if __name__ == "__main__":
    main()
