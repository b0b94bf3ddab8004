"""Files: fetched once, and kept where they leave with their messages."""

from __future__ import annotations

import hashlib
import stat
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.conf import LazySettings
from django.db import connection

from channels_ingest import media as medias
from channels_ingest.base import Permanent
from channels_ingest.events import MediaChanged, MediaRef
from channels_ingest.media import fetch, list_due_media, path_of, read_outgoing_files
from channels_ingest.models import Channel, MediaObject, MediaState
from channels_ingest.services import WantedMedia, claim_uploads, store_upload, want_media
from channels_ingest.tasks import fetch_media, sweep_media
from oneview.accounts.models import Account
from oneview.common.errors import Invalid
from oneview.common.ids import new_id, ordered_id
from oneview.common.scope import scope
from tests.channels_ingest import sinks
from tests.channels_ingest.provider import Provider, Say
from tests.channels_ingest.sinks import Recorder
from tests.channels_ingest.webhooks import connect

pytestmark = pytest.mark.committed

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 50
SENT_AT = datetime(2026, 9, 30, 23, 59, 59, tzinfo=UTC)
MESSAGE = ordered_id(SENT_AT, 7)


@pytest.fixture
def recorder(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    made = Recorder()
    sinks.use(made, settings=settings, monkeypatch=monkeypatch)
    return made


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: LazySettings) -> Path:
    settings.MEDIA_ROOT = tmp_path / "media"
    return tmp_path / "media"


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider().running() as running:
        yield running


@pytest.fixture
def channel(acme: Account, provider: Provider, recorder: Recorder) -> Channel:
    return connect(acme, base_url=provider.url)


def want(channel: Channel, *, type: str = "image/png", name: str = "a.png", sha256: str | None = None) -> UUID:
    wanted = WantedMedia(new_id(), channel.id, MESSAGE, "image", MediaRef({"id": "77"}, type, name, sha256=sha256))
    with scope(channel.account_id):
        want_media(channel.account_id, [wanted])
    return wanted.id


def offer(provider: Provider, content: bytes, **say: Any) -> None:
    """What WhatsApp says: first where the file is, then the file."""
    provider.next.extend([Say(body={"url": f"{provider.url}/file"}), Say(body=content, **say)])


def get(channel: Channel, id: UUID) -> MediaObject:
    with scope(channel.account_id):
        return MediaObject.objects.get(id=id)


def pass_time(channel: Channel) -> None:
    with scope(channel.account_id) as now:
        MediaObject.objects.update(next_attempt_at=now)


# Fetching


def test_a_file_lies_under_the_day_of_its_message(
    channel: Channel, provider: Provider, recorder: Recorder, folder: Path
) -> None:
    id = want(channel)
    offer(provider, PNG)
    fetch(channel.account_id, id)
    found = get(channel, id)
    assert (found.state, found.type, found.size) == (MediaState.STORED, "image/png", len(PNG))
    assert found.path == f"{channel.account_id}/20260930/{id}"
    assert (folder / found.path).read_bytes() == PNG
    assert [path.name for path in (folder / found.path).parent.iterdir()] == [str(id)]
    assert [asked.headers["authorization"] for asked in provider.asked] == ["Bearer token-1"] * 2


def test_files_are_closed_to_other_users(channel: Channel, provider: Provider, folder: Path) -> None:
    id = want(channel)
    offer(provider, PNG)
    fetch(channel.account_id, id)
    path = path_of(get(channel, id))
    modes = [stat.S_IMODE(each.stat().st_mode) for each in (path, path.parent, path.parent.parent)]
    assert modes == [0o600, 0o700, 0o700]


def test_the_sink_learns_that_the_message_changed(channel: Channel, provider: Provider, recorder: Recorder) -> None:
    id = want(channel)
    offer(provider, PNG)
    fetch(channel.account_id, id)
    (event,) = recorder.events
    assert isinstance(event, MediaChanged)
    assert event.message_id == str(MESSAGE)


def test_a_file_is_fetched_once(channel: Channel, provider: Provider, recorder: Recorder) -> None:
    id = want(channel)
    offer(provider, PNG)
    for _ in range(3):
        fetch(channel.account_id, id)
    assert (len(provider.asked), len(recorder.events)) == (2, 1)


def test_a_file_that_cannot_be_had_now_is_fetched_later(
    channel: Channel, provider: Provider, recorder: Recorder
) -> None:
    id = want(channel)
    provider.next.append(Say(500))
    fetch(channel.account_id, id)
    waiting = get(channel, id)
    assert (waiting.state, recorder.events) == (MediaState.WANTED, [])
    assert waiting.next_attempt_at is not None
    assert timedelta(seconds=2) < waiting.next_attempt_at - datetime.now(UTC) < timedelta(seconds=6)
    pass_time(channel)
    offer(provider, PNG)
    fetch(channel.account_id, id)
    assert get(channel, id).state == MediaState.STORED


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(lambda url: [Say(cut=True)], id="no answer"),
        pytest.param(lambda url: [Say(body={"url": f"{url}/file"}), Say(cut=True)], id="no file"),
        pytest.param(
            lambda url: [
                Say(body={"url": f"{url}/file"}),
                Say(body=PNG[:20], headers={"content-length": "58"}, cut=False),
            ],
            id="half a file",
        ),
        pytest.param(lambda url: [Say(body={"url": "http://127.0.0.1:9/file"})], id="nobody there"),
    ],
)
def test_a_fetch_that_breaks_off_leaves_no_file(
    channel: Channel, provider: Provider, folder: Path, answer: Callable[[str], list[Say]]
) -> None:
    id = want(channel)
    provider.next.extend(answer(provider.url))
    fetch(channel.account_id, id)
    assert get(channel, id).state == MediaState.WANTED
    assert not folder.exists()


def test_in_the_end_a_file_is_given_up(channel: Channel, provider: Provider, recorder: Recorder) -> None:
    id = want(channel)
    for _ in range(medias.MOST_ATTEMPTS):
        provider.next.append(Say(500))
        fetch(channel.account_id, id)
        pass_time(channel)
    assert get(channel, id).state == MediaState.FAILED
    assert len(recorder.events) == 1
    assert list_due_media(10) == []


def test_what_the_provider_refuses_is_given_up_at_once(
    channel: Channel, provider: Provider, recorder: Recorder
) -> None:
    id = want(channel)
    provider.next.append(Say(400, {"error": {"code": 131052}}))
    fetch(channel.account_id, id)
    failed = get(channel, id)
    assert (failed.state, failed.next_attempt_at) == (MediaState.FAILED, None)
    assert "could not be downloaded" in failed.reason


def test_a_file_beyond_the_channels_limit_is_given_up_without_reading_it(
    channel: Channel, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = want(channel)
    offer(provider, PNG, headers={"content-length": str(101 * 1024 * 1024)})
    fetch(channel.account_id, id)
    assert (get(channel, id).state, get(channel, id).reason) == (MediaState.FAILED, medias.TOO_LARGE)


def test_bytes_that_are_not_the_file_promised_are_fetched_again(channel: Channel, provider: Provider) -> None:
    id = want(channel, sha256=hashlib.sha256(PNG).hexdigest())
    offer(provider, b"<html>The link has expired</html>")
    fetch(channel.account_id, id)
    assert (get(channel, id).state, get(channel, id).reason) == (MediaState.WANTED, medias.DAMAGED)
    pass_time(channel)
    offer(provider, PNG)
    fetch(channel.account_id, id)
    assert get(channel, id).state == MediaState.STORED


def test_the_token_stays_with_the_provider(channel: Channel, provider: Provider) -> None:
    """A redirect to another host gets the request without it."""
    with Provider().running() as elsewhere:
        elsewhere.next.append(Say(body=PNG))
        id = want(channel)
        location = elsewhere.url.replace("127.0.0.1", "localhost")
        offer(provider, b"", status=302, headers={"location": f"{location}/file"})
        fetch(channel.account_id, id)
        assert get(channel, id).state == MediaState.STORED
        assert "authorization" not in elsewhere.asked[0].headers


def test_an_address_inside_our_network_is_not_called(
    channel: Channel, provider: Provider, settings: LazySettings
) -> None:
    id = want(channel)
    settings.ALLOW_LOCAL_PROVIDERS = False
    fetch(channel.account_id, id)
    assert provider.asked == []


def test_a_file_whose_message_expired_meanwhile_is_not_kept(channel: Channel, provider: Provider, folder: Path) -> None:
    def expire() -> None:
        with scope(channel.account_id):
            MediaObject.objects.all().delete()
        connection.close()

    id = want(channel)
    offer(provider, PNG, before=expire)
    fetch(channel.account_id, id)
    assert not any(path.is_file() for path in folder.rglob("*"))


def test_of_two_fetches_the_later_one_counts(channel: Channel, provider: Provider, recorder: Recorder) -> None:
    """The first stands still until its lease is over; its file is the other's, and stays."""
    calling, answer = threading.Event(), threading.Event()

    def hold() -> None:
        calling.set()
        answer.wait(20)

    id = want(channel)

    def run() -> None:
        fetch(channel.account_id, id)
        connection.close()

    offer(provider, PNG, before=hold)
    worker = threading.Thread(target=run)
    worker.start()
    assert calling.wait(20)
    pass_time(channel)
    offer(provider, PNG)
    fetch(channel.account_id, id)
    answer.set()
    worker.join()
    assert len(recorder.events) == 1
    assert path_of(get(channel, id)).read_bytes() == PNG


def test_the_tasks_do_what_the_rows_say(channel: Channel, provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    id = want(channel)
    asked: list[tuple[int, str]] = []
    monkeypatch.setattr(fetch_media, "apply_async", lambda arguments, **_: asked.append(arguments))
    sweep_media()
    assert asked == [(channel.account_id, str(id))]
    offer(provider, PNG)
    fetch_media(*asked[0])
    assert get(channel, id).state == MediaState.STORED


# Uploads


def test_an_upload_becomes_a_file_of_a_message(channel: Channel, acme: Account) -> None:
    message = new_id()
    with scope(acme):
        upload = store_upload(acme.id, name="C:\\fakepath\\plan.pdf", content_type="text/html", content=b"%PDF-1.7")
        assert (upload.name, upload.type, upload.kind, upload.size) == ("plan.pdf", "application/pdf", "file", 8)
        claim_uploads(acme.id, [upload.id], message_id=message, channel_id=channel.id)
    (file,) = read_outgoing_files(acme.id, [upload.id])
    assert (file.name, file.type, file.kind, file.content) == ("plan.pdf", "application/pdf", "file", b"%PDF-1.7")


def test_an_upload_moves_to_the_day_of_its_message(channel: Channel, acme: Account, folder: Path) -> None:
    message = ordered_id(datetime.now(UTC) + timedelta(days=1), 1)
    with scope(acme):
        upload = store_upload(acme.id, name="a.txt", content_type="text/plain", content=b"text")
        claim_uploads(acme.id, [upload.id], message_id=message, channel_id=channel.id)
    moved = get(channel, upload.id)
    tomorrow = f"{datetime.now(UTC) + timedelta(days=1):%Y%m%d}"
    assert moved.path == f"{acme.id}/{tomorrow}/{upload.id}"
    assert path_of(moved).read_bytes() == b"text"


def test_an_upload_is_used_once_and_by_its_own_account(channel: Channel, acme: Account, zenith: Account) -> None:
    with scope(acme):
        upload = store_upload(acme.id, name="a.txt", content_type="text/plain", content=b"text")
    with scope(zenith), pytest.raises(Invalid):
        claim_uploads(zenith.id, [upload.id], message_id=new_id(), channel_id=channel.id)
    with scope(acme):
        claim_uploads(acme.id, [upload.id], message_id=new_id(), channel_id=channel.id)
    with scope(acme), pytest.raises(Invalid):
        claim_uploads(acme.id, [upload.id], message_id=new_id(), channel_id=channel.id)


def test_a_file_that_was_not_stored_is_not_sent(channel: Channel) -> None:
    id = want(channel)
    with pytest.raises(Permanent):
        read_outgoing_files(channel.account_id, [id])
