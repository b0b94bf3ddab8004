"""Files: fetched from the channel after their message is stored, kept under `MEDIA_ROOT/<account>/<day>/<id>`.

The day is that of the message, so that a day's files leave with its messages.
"""

from __future__ import annotations

import hashlib
import os
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from uuid import UUID

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection, transaction

from channels_ingest.base import HttpResult, OutgoingFile, Permanent, Retryable
from channels_ingest.calls import download, run_steps, usable_credentials
from channels_ingest.events import MediaChanged, MessageType
from channels_ingest.models import Channel, MediaObject, MediaState
from channels_ingest.registry import get_channel
from channels_ingest.selectors import describe_channel
from channels_ingest.sink import Received, get_sink
from channels_ingest.sniffing import sniff_type
from oneview.common.http import NotSent, OutcomeUnknown, TooLarge
from oneview.common.ids import time_of
from oneview.common.scope import scope

LEASE = timedelta(minutes=5)  # longer than a fetch takes
MOST_ATTEMPTS = 12  # about a day and a half
LONGEST_DELAY = 6 * 3600
DEFAULT_LIMIT = 25 * 1024 * 1024
LONGEST_NAME = 255

FILE_GONE = "A file of the message is not here any more."
UNREACHABLE = "The file could not be fetched."
TOO_LARGE = "The file is too large."
DAMAGED = "The file arrived damaged."

_UNPRINTED = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Fetched:
    """How a fetch ended: `content` when it came through, else why not and whether to try again."""

    content: bytes | None = None
    reason: str = ""
    again: bool = False


def list_due_media(most: int) -> list[tuple[int, UUID]]:
    """(account, id) of files to fetch, of all accounts."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT account_id, media_id FROM due_media(%s)", [most])
        return list(cursor.fetchall())


def fetch(account_id: int, media_id: UUID) -> None:
    """Fetches a file that is due, and tells the sink what came of it."""
    claimed = _claim(account_id, media_id)
    if claimed is None:
        return
    media, channel = claimed
    fetched = _fetch_content(media, channel)
    if fetched.content is not None:
        _store(media, channel, fetched.content)
    elif fetched.again and media.attempts < MOST_ATTEMPTS:
        _postpone(media, fetched.reason)
    else:
        _settle(media, channel, state=MediaState.FAILED, reason=fetched.reason, next_attempt_at=None)


def read_outgoing_files(account_id: int, ids: Sequence[UUID]) -> tuple[OutgoingFile, ...]:
    """In the order of `ids`. Raises Permanent when one is missing."""
    if not ids:
        return ()
    with scope(account_id):
        found = {media.id: media for media in MediaObject.objects.filter(account_id=account_id, id__in=ids)}
    return tuple(_read_file(found.get(id)) for id in ids)


def _read_file(media: MediaObject | None) -> OutgoingFile:
    try:
        if media is None or media.state != MediaState.STORED:
            raise FileNotFoundError
        content = path_of(media).read_bytes()
    except FileNotFoundError:
        raise Permanent(FILE_GONE) from None
    return OutgoingFile(str(media.id), media.name, media.type, MessageType(media.kind), content)


def path_of(media: MediaObject) -> Path:
    return Path(settings.MEDIA_ROOT, media.path)


def write_file(account_id: int, media_id: UUID, content: bytes, *, day: date) -> str:
    """Writes a file whole or not at all; its path below MEDIA_ROOT."""
    path = make_path(account_id, media_id, day=day)
    target = Path(settings.MEDIA_ROOT, path)
    make_folder(target.parent)
    unfinished = target.with_suffix(".part")
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(target)
    return path


def make_folder(folder: Path) -> None:
    """A day's folder and the account's above it, closed to other users."""
    for each in (folder.parent, folder):
        each.mkdir(mode=0o700, parents=True, exist_ok=True)


def make_path(account_id: int, media_id: UUID, *, day: date) -> str:
    return f"{account_id}/{day:%Y%m%d}/{media_id}"


def clean_name(name: str) -> str:
    """A name to show: its last part, without what is not printed or turns the order of letters."""
    return _UNPRINTED.sub("", name).replace("\\", "/").rpartition("/")[2].strip()[:LONGEST_NAME]


def _claim(account_id: int, media_id: UUID) -> tuple[MediaObject, Channel] | None:
    """Counts the attempt, which also fences: only the latest may settle."""
    with scope(account_id) as now:
        media = (
            MediaObject.objects.select_for_update(skip_locked=True, no_key=True)
            .filter(account_id=account_id, id=media_id, state=MediaState.WANTED, next_attempt_at__lte=now)
            .first()
        )
        if media is None or media.channel_id is None:
            return None
        media.attempts += 1
        media.next_attempt_at = now + LEASE
        media.save(update_fields=["attempts", "next_attempt_at"])
        return media, Channel.objects.get(account_id=account_id, id=media.channel_id)


def _fetch_content(media: MediaObject, channel: Channel) -> Fetched:
    try:
        result = _run_steps(media, channel)
    except (DatabaseError, InterfaceError):
        raise
    except (NotSent, OutcomeUnknown):
        return Fetched(reason=UNREACHABLE, again=True)
    except TooLarge:
        return Fetched(reason=TOO_LARGE)
    except Retryable as error:
        return Fetched(reason=error.reason, again=True)
    except Permanent as error:
        return Fetched(reason=error.reason, again=error.disconnects)
    except Exception:
        log.exception("fetch_failed", kind=channel.kind, media=str(media.id))
        return Fetched(reason=UNREACHABLE, again=True)
    expected = media.ref.get("sha256")
    if expected and hashlib.sha256(result.body).hexdigest() != expected:
        return Fetched(reason=DAMAGED, again=True)
    return Fetched(content=result.body)


def _run_steps(media: MediaObject, channel: Channel) -> HttpResult:
    adapter = get_channel(channel.kind)
    limit = max(adapter.capabilities.media_limits.values(), default=DEFAULT_LIMIT)
    steps = adapter.fetch_media(media.ref, usable_credentials(channel), external_id=channel.external_id)
    return run_steps(steps, partial(download, limit=limit))


def _store(media: MediaObject, channel: Channel, content: bytes) -> None:
    day = time_of(media.message_id or media.id).date()
    path = write_file(media.account_id, media.id, content, day=day)
    settled = _settle(
        media,
        channel,
        state=MediaState.STORED,
        path=path,
        type=sniff_type(content, declared=media.type),
        size=len(content),
        reason="",
        next_attempt_at=None,
    )
    if not settled and not _exists(media):
        Path(settings.MEDIA_ROOT, path).unlink(missing_ok=True)


def _exists(media: MediaObject) -> bool:
    """Whether retention has left it: its message may have expired meanwhile."""
    with scope(media.account_id):
        return MediaObject.objects.filter(account_id=media.account_id, id=media.id).exists()


def _postpone(media: MediaObject, reason: str) -> None:
    delay = min(LONGEST_DELAY, 5 * 3.0 ** (media.attempts - 1)) * random.uniform(0.7, 1)  # noqa: S311
    with scope(media.account_id) as now:
        mine = MediaObject.objects.filter(
            account_id=media.account_id, id=media.id, state=MediaState.WANTED, attempts=media.attempts
        )
        mine.update(next_attempt_at=now + timedelta(seconds=delay), reason=reason[:300])


def _settle(media: MediaObject, channel: Channel, **changes: str | int | datetime | None) -> bool:
    """False, and nothing done, when somebody else has settled it or it is gone."""
    with scope(media.account_id) as now:
        event = MediaChanged(channel.external_id, now, message_id=str(media.message_id))
        get_sink()(media.account_id, [Received(event, describe_channel(channel), now, media.id)], now=now)
        mine = MediaObject.objects.filter(
            account_id=media.account_id, id=media.id, state=MediaState.WANTED, attempts=media.attempts
        )
        if mine.update(**changes):
            return True
        transaction.set_rollback(True)
        return False
