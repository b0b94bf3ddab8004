"""Files: uploads for messages to come, and downloads of what hangs on messages."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import ClassVar
from uuid import UUID

from django.conf import settings
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.http import content_disposition_header
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from channels_ingest.models import MediaObject
from channels_ingest.services import store_upload
from inbox.api import documents, inputs, serialise
from inbox.api.base import AccountView
from inbox.api.schema import RETRY_AFTER, answers, refusals
from inbox.selectors.files import get_file
from oneview.accounts.permissions import Operation
from oneview.common.errors import NotFound

MOST_FILE_BYTES = 25_000_000
CHUNK = 256 * 1024

# What a browser may show in a page: formats that hold no script. Everything else is only ever saved.
SHOWN = {
    *("image/jpeg", "image/png", "image/gif", "image/webp"),
    *("audio/mpeg", "audio/mp4", "audio/aac", "audio/ogg", "audio/webm", "audio/wav", "audio/amr"),
    *("video/mp4", "video/webm"),
}
RANGE = re.compile(r"bytes=(\d{1,15})-(\d{0,15})")


class FilesView(AccountView):
    parser_classes = (MultiPartParser,)
    most_bytes = MOST_FILE_BYTES + 10_000  # the form around the file
    operations: ClassVar = {"post": Operation.UPLOAD_FILE}

    @answers("upload_file", documents.FileJson, body=inputs.Upload, statuses=(201,))
    def post(self, request: Request) -> Response:
        """Up to 25 MB. Name the id in the `attachments` of a message within a day."""
        file = self.read_body(inputs.Upload)["file"]
        stored = store_upload(
            self.account.pk, name=file.name or "", content_type=file.content_type or "", content=file.read()
        )
        return Response(serialise.file_json(stored), status=201)


class FileView(AccountView):
    operations: ClassVar = {"get": Operation.SEE_CONVERSATIONS}

    @extend_schema(
        operation_id="download_file",
        parameters=[RETRY_AFTER],
        responses={
            ("200", "*/*"): OpenApiTypes.BINARY,
            ("206", "*/*"): OpenApiTypes.BINARY,
            416: OpenApiResponse(description="No such part."),
            **refusals(),
        },
    )
    def get(self, request: Request, file_id: UUID) -> HttpResponseBase:
        """The file, or the part of it that `Range` asks for."""
        return answer_file(get_file(file_id=file_id, reach=self.reach, **self.scope), request.headers.get("Range", ""))


def answer_file(file: MediaObject, wanted: str) -> HttpResponseBase:
    """The file, or the part that the `Range` header `wanted` asks for. Raises NotFound when it is gone."""
    path = Path(settings.MEDIA_ROOT, file.path)
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        raise NotFound from None
    start, end = _read_range(wanted, size=size)
    if start >= end:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    is_shown = file.type in SHOWN
    response = StreamingHttpResponse(
        _read_part(path, start=start, length=end - start),
        status=206 if end - start < size else 200,
        content_type=file.type if is_shown else "application/octet-stream",
        headers={
            "Accept-Ranges": "bytes",
            "Cache-Control": "private, max-age=300",
            "Content-Disposition": content_disposition_header(not is_shown, file.name) or "inline",
            "Content-Length": str(end - start),
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Cross-Origin-Resource-Policy": "same-origin",
            "X-Content-Type-Options": "nosniff",
        },
    )
    if response.status_code == 206:
        response["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    return response


def _read_range(header: str, *, size: int) -> tuple[int, int]:
    """First byte and the one behind the last; the whole file for no range and for kinds that we do not serve."""
    match = RANGE.fullmatch(header)
    if match is None:
        return 0, size
    return int(match[1]), min(int(match[2]) + 1 if match[2] else size, size)


async def _read_part(path: Path, *, start: int, length: int) -> AsyncIterator[bytes]:
    file = await asyncio.to_thread(path.open, "rb")
    try:
        file.seek(start)
        while length > 0 and (chunk := await asyncio.to_thread(file.read, min(CHUNK, length))):
            length -= len(chunk)
            yield chunk
    finally:
        file.close()
