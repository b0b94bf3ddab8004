"""Child processes that never outlive us and, where we are root, need not be root."""

import ctypes
import os
import pwd
import signal
import sys
from collections.abc import Callable
from typing import TypedDict

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class Identity(TypedDict, total=False):
    """Arguments of subprocess that name the user a child runs as; empty: our own."""

    user: int
    group: int
    extra_groups: list[int]


def die_with_parent(signal_number: signal.Signals) -> Callable[[], None]:
    """A `preexec_fn`: the kernel sends the child this signal when the thread that started it ends, kill -9 included.

    Start such children from the main thread. macOS has no such call; there the next start cleans up.
    """
    parent = os.getpid()

    def ask_kernel() -> None:
        if _libc is None:
            return
        _libc.prctl(PR_SET_PDEATHSIG, int(signal_number))
        if os.getppid() != parent:
            os._exit(1)  # it ended between fork and prctl

    return ask_kernel


def unprivileged() -> Identity:
    """PostgreSQL refuses to run as root: as root it gets `nobody`."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
