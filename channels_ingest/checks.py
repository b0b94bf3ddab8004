"""What has to be true of an installation for the promises of this app to hold."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register

from channels_ingest.sink import get_sink
from oneview.common.crypto import decrypt, encrypt


@register(Tags.security, deploy=True)
def check_keys(**_: Any) -> Iterable[CheckMessage]:
    """Credentials of channels can be written and read."""
    try:
        decrypt(encrypt(""))
    except ValueError as error:
        yield Error(
            f"ENCRYPTION_KEYS can't be used: {error}",
            hint="Each is 32 random bytes in URL-safe base64; the first encrypts.",
            id="channels_ingest.E001",
        )


@register
def check_sink(**_: Any) -> Iterable[CheckMessage]:
    try:
        get_sink()
    except ImportError as error:
        yield Error(f"CHANNELS_INGEST_SINK can't be imported: {error}", id="channels_ingest.E002")


@register(Tags.security, deploy=True)
def check_deployment(**_: Any) -> Iterable[CheckMessage]:
    if not settings.PUBLIC_URL.startswith("https://"):
        yield checks.Warning(
            "PUBLIC_URL is not https: providers refuse such webhook addresses.",
            id="channels_ingest.W001",
        )
    if settings.ALLOW_LOCAL_PROVIDERS:
        yield checks.Warning(
            "ALLOW_LOCAL_PROVIDERS lets credentials name any address as the provider's, ours inside included.",
            id="channels_ingest.W002",
        )
