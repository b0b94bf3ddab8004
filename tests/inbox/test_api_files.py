"""Files over the API: uploaded for a message, served to the account of the message as long as it may be seen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import StreamingHttpResponse

from channels_ingest.base import Capabilities
from channels_ingest.models import Channel, MediaObject
from channels_ingest.selectors import describe_channel
from inbox.models import Message
from inbox.services.messages import split_message
from oneview.accounts.models import Account, Membership
from oneview.common.days import keep_days
from oneview.common.ids import new_id
from oneview.common.scope import scope
from tests.fixtures import sign_in
from tests.inbox.api import API, Caller, agent_caller, connect, fields_of, problem_of, write_in
from tests.inbox.batches import message, take_in, user

pytestmark = pytest.mark.django_db

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4
PAGE = b"<html><script>alert(1)</script></html>"


@pytest.fixture(autouse=True)
def media_root(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def bob_calls(bob: Membership) -> Caller:
    return agent_caller(bob)


@pytest.fixture
def ana(acme: Account) -> str:
    return write_in(acme, connect(acme), "hola")


def upload(calls: Caller, content: bytes, *, name: str = "photo.png", type: str = "image/png") -> Any:
    return calls.client.post(f"{API}files/", {"file": SimpleUploadedFile(name, content, type)})


def send(calls: Caller, conversation: str, content: bytes, **said: str) -> str:
    """The address of a file that was sent to a conversation."""
    id = upload(calls, content, **said).json()["id"]
    sent = calls.post(f"conversations/{conversation}/messages/", {"client_id": "1", "text": "", "attachments": [id]})
    [attachment] = sent.json()["attachments"]
    return str(attachment["url"]).removeprefix(API)


def read(response: StreamingHttpResponse) -> bytes:
    async def collect() -> bytes:
        return b"".join([part async for part in cast(AsyncIterator[bytes], response.streaming_content)])

    return async_to_sync(collect)()


def test_a_file_is_uploaded_sent_and_seen(ana: str, bob_calls: Caller) -> None:
    answer = upload(bob_calls, PNG)
    assert answer.status_code == 201
    assert {**answer.json(), "id": ""} == {"id": "", "name": "photo.png", "type": "image/png", "size": len(PNG)}
    shown = bob_calls.get(send(bob_calls, ana, PNG))
    assert read(shown) == PNG
    assert shown.headers["Content-Type"] == "image/png"
    assert shown.headers["Content-Disposition"] == 'inline; filename="photo.png"'


def test_what_could_hold_a_script_is_only_saved(ana: str, bob_calls: Caller) -> None:
    saved = bob_calls.get(send(bob_calls, ana, PAGE, name="photo.png.html"))
    assert read(saved) == PAGE
    assert saved.headers["Content-Type"] == "application/octet-stream"
    assert saved.headers["Content-Disposition"].startswith("attachment")
    assert saved.headers["X-Content-Type-Options"] == "nosniff"
    assert saved.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"


def test_a_page_shows_files_with_its_session(ana: str, bob: Membership, bob_calls: Caller) -> None:
    url = send(bob_calls, ana, PNG)
    assert read(cast(StreamingHttpResponse, sign_in(bob).get(API + url))) == PNG


def test_a_file_of_another_account_is_not_there(ana: str, bob_calls: Caller, charlie: Membership) -> None:
    url = send(bob_calls, ana, PNG)
    assert problem_of(agent_caller(charlie).get(url)) == (404, "not_found")
    assert sign_in(charlie).get(API + url).status_code == 404


def test_a_file_of_another_account_can_not_be_sent(ana: str, bob_calls: Caller, charlie: Membership) -> None:
    theirs = upload(agent_caller(charlie), PNG).json()["id"]
    reply = {"client_id": "1", "text": "", "attachments": [theirs]}
    assert fields_of(bob_calls.post(f"conversations/{ana}/messages/", reply)) == {"attachments"}


def test_a_file_leaves_with_its_message(ana: str, acme: Account, bob_calls: Caller) -> None:
    url = send(bob_calls, ana, PNG)
    with scope(acme) as now:
        Message.objects.filter(direction="outbound").update(deleted_at=now)
    assert problem_of(bob_calls.get(url)) == (404, "not_found")


def test_a_file_leaves_with_the_window(ana: str, acme: Account, bob_calls: Caller) -> None:
    url = send(bob_calls, ana, PNG)
    Account.objects.update(window_days=31)
    keep_days()
    with scope(acme) as now:
        channel = describe_channel(Channel.objects.get())
        old = now - timedelta(days=30, hours=12)
    take_in(acme, channel, message("long ago", sender=user("ES.9"), at=old), received_at=old)
    with scope(acme):
        MediaObject.objects.update(message_id=Message.objects.get(text="long ago").id)
    assert bob_calls.get(url).status_code == 200
    Account.objects.update(window_days=30)
    assert problem_of(bob_calls.get(url)) == (404, "not_found")


def test_an_upload_that_was_not_sent_is_nobodys_to_see(bob_calls: Caller) -> None:
    id = upload(bob_calls, PNG).json()["id"]
    assert problem_of(bob_calls.get(f"files/{id}/")) == (404, "not_found")


def test_a_file_that_is_gone_from_the_disk_is_not_there(ana: str, acme: Account, bob_calls: Caller) -> None:
    url = send(bob_calls, ana, PNG)
    with scope(acme):
        Path(settings.MEDIA_ROOT, MediaObject.objects.get().path).unlink()
    assert problem_of(bob_calls.get(url)) == (404, "not_found")


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [("bytes=0-99", 0, 100), ("bytes=1000-", 1000, len(PNG)), ("bytes=10-99999", 10, len(PNG))],
)
def test_a_player_asks_for_a_part(ana: str, bob_calls: Caller, asked: str, start: int, end: int) -> None:
    part = bob_calls.client.get(API + send(bob_calls, ana, PNG), headers={"Range": asked})
    assert part.status_code == 206
    assert part.headers["Content-Range"] == f"bytes {start}-{end - 1}/{len(PNG)}"
    assert part.headers["Content-Length"] == str(end - start)
    assert read(cast(StreamingHttpResponse, part)) == PNG[start:end]


def test_a_part_behind_the_end_can_not_be_had(ana: str, bob_calls: Caller) -> None:
    part = bob_calls.client.get(API + send(bob_calls, ana, PNG), headers={"Range": "bytes=99999-"})
    assert (part.status_code, part.headers["Content-Range"]) == (416, f"bytes */{len(PNG)}")


@pytest.mark.parametrize("asked", ["bytes=-5", "bytes=0-1,5-6", "lines=1-2", "bytes=a-b"])
def test_other_kinds_of_part_get_the_whole(ana: str, bob_calls: Caller, asked: str) -> None:
    whole = bob_calls.client.get(API + send(bob_calls, ana, PNG), headers={"Range": asked})
    assert (whole.status_code, read(cast(StreamingHttpResponse, whole))) == (200, PNG)


@pytest.mark.parametrize("content", [{}, {"file": "no file"}, {"file": SimpleUploadedFile("empty.png", b"")}])
def test_an_upload_without_a_file_says_so(bob_calls: Caller, content: dict[str, Any]) -> None:
    assert fields_of(bob_calls.client.post(f"{API}files/", content)) == {"file"}


def test_a_file_that_is_too_large_is_refused(bob_calls: Caller) -> None:
    assert problem_of(upload(bob_calls, b"x" * 25_020_000)) == (413, "too_large")


def test_a_name_that_lies_is_cleaned(bob_calls: Caller) -> None:
    answer = upload(bob_calls, PNG, name="../../etc/\u202egnp.exe")
    assert "/" not in answer.json()["name"]
    assert "\u202e" not in answer.json()["name"]


def test_files_that_a_channel_takes_one_by_one_become_a_message_each(
    ana: str, bob_calls: Caller, acme: Account
) -> None:
    ids = [upload(bob_calls, PNG).json()["id"] for _ in range(3)]
    draft = {"client_id": "album", "text": "The dents", "attachments": ids}
    first = bob_calls.post(f"conversations/{ana}/messages/", draft)
    again = bob_calls.post(f"conversations/{ana}/messages/", draft)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]
    less = bob_calls.post(f"conversations/{ana}/messages/", {**draft, "attachments": ids[:2]})
    assert problem_of(less) == (409, "client_id_reused")
    with scope(acme):
        sent = list(Message.objects.filter(direction="outbound").order_by("id"))
    assert [(each.text, [file["id"] for file in each.attachments]) for each in sent] == [
        ("The dents", [ids[0]]),
        ("", [ids[1]]),
        ("", [ids[2]]),
    ]


def test_a_text_too_long_for_a_caption_goes_before_the_file() -> None:
    small = Capabilities(text_limit=100, caption_limit=5, file_limit=2)
    files = tuple(new_id() for _ in range(3))
    assert split_message("short", files, small) == [("short", files[:2]), ("", files[2:])]
    assert split_message("longer", files[:1], small) == [("longer", ()), ("", files[:1])]
    assert split_message("", files[:1], small) == [("", files[:1])]
    assert split_message("longer", (), small) == [("longer", ())]
