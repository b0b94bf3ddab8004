"""The one place that calls others over HTTP.

Addresses come from strangers too (files, bots' webhooks): each call resolves the name once, refuses it when any of its
addresses is not public, and connects to what it looked at. `ALLOW_LOCAL_PROVIDERS` allows plain HTTP and local ones.
A connection serves one request: of a kept one that was half closed nobody could say whether a message went out.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import httpcore2
import httpx2
from django.conf import settings

MAX_ANSWER = 1024 * 1024
MAX_REDIRECTS = 3
_CHUNK = 256 * 1024
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class NotSent(Exception):
    """Nothing reached the other side; the call may be repeated."""


class OutcomeUnknown(Exception):
    """The request went out, at least in part, and no whole answer came back: it may have had its effect."""


class TooLarge(Exception):
    """The file is larger than allowed."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def send_request(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    json: Any = None,
    data: Mapping[str, str] | None = None,
    files: Mapping[str, tuple[str, bytes, str]] | None = None,
    content: bytes | None = None,
    timeout: float = 20,
) -> HttpAnswer:
    """One call within `timeout` seconds. Redirects are answers; of a body the first `MAX_ANSWER` bytes are read.

    Give `json`, or `data` as a form, with `files` (name, bytes, MIME type) as multipart, or `content`.
    Raises NotSent or OutcomeUnknown.
    """
    fields, parts = data and dict(data), files and dict(files)
    try:
        request = httpx2.Request(method, url, headers=headers, json=json, data=fields, files=parts, content=content)
    except (httpx2.InvalidURL, ValueError) as error:
        raise NotSent("no such request can be made") from error
    return _call(request, timeout=timeout, cap=MAX_ANSWER, cut=True)


def read_host(url: str) -> str:
    """The host of an address. Raises NotSent for one that will never be called, whatever its name leads to."""
    try:
        _check_url(httpx2.URL(url))
        return urlsplit(url).hostname or ""
    except (httpx2.InvalidURL, ValueError) as error:
        raise NotSent("this is no address") from error


def fetch(
    url: str, *, headers: Mapping[str, str] | None = None, timeout: float = 60, max_bytes: int = MAX_ANSWER
) -> HttpAnswer:
    """A GET that follows up to three redirects; `headers` do not go along to another host.

    Raises TooLarge beyond `max_bytes`, NotSent or OutcomeUnknown.
    """
    deadline = time.monotonic() + timeout
    for _ in range(MAX_REDIRECTS + 1):
        try:
            request = httpx2.Request("GET", url, headers=headers)
        except (httpx2.InvalidURL, ValueError) as error:
            raise NotSent("no such request can be made") from error
        answer = _call(request, timeout=deadline - time.monotonic(), cap=max_bytes, cut=False)
        if answer.status not in (301, 302, 303, 307, 308) or "location" not in answer.headers:
            return answer
        try:
            target = request.url.join(answer.headers["location"])
        except httpx2.InvalidURL as error:
            raise NotSent("redirected to what is no address") from error
        if _origin(target) != _origin(request.url):
            headers = None
        url = str(target)
    raise NotSent(f"more than {MAX_REDIRECTS} redirects")


def _call(request: httpx2.Request, *, timeout: float, cap: int, cut: bool) -> HttpAnswer:
    """`cut`: a body beyond the cap is cut, not refused. Errors name the host only: an address may hold secrets."""
    url = request.url
    _check_url(url)
    request.headers["accept-encoding"] = "identity"
    backend = _Backend(time.monotonic() + timeout)
    try:
        with (
            httpcore2.ConnectionPool(ssl_context=_ssl_context(), network_backend=backend) as pool,
            pool.stream(
                request.method,
                httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                headers=request.headers.raw,
                content=request.read(),
            ) as response,
        ):
            headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
            if not cut and headers.get("content-length", "").isdigit() and int(headers["content-length"]) > cap:
                raise TooLarge(f"more than {cap} bytes")
            return HttpAnswer(response.status, headers, _read(response.iter_stream(), cap=cap, cut=cut))
    except (
        httpcore2.ConnectError,
        httpcore2.ConnectTimeout,
        httpcore2.LocalProtocolError,
        httpcore2.ProxyError,
    ) as error:
        raise NotSent(f"{url.host} cannot be reached: {error}") from error
    except (httpcore2.NetworkError, httpcore2.TimeoutException, httpcore2.ProtocolError) as error:
        raise OutcomeUnknown(f"{url.host} did not finish its answer: {error}") from error


def _read(chunks: Iterable[bytes], *, cap: int, cut: bool) -> bytes:
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > cap:
            if not cut:
                raise TooLarge(f"more than {cap} bytes")
            break
    return bytes(body[:cap])


def _check_url(url: httpx2.URL) -> None:
    if url.scheme != "https" and not (url.scheme == "http" and settings.ALLOW_LOCAL_PROVIDERS):
        raise NotSent("only https is allowed")
    if not url.host or url.userinfo:
        raise NotSent("an address with a host and without a user is needed")


def _origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a host. Raises NotSent when it has none, or one that is not public where that is not allowed."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NotSent(f"{host} has no address") from error
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not settings.ALLOW_LOCAL_PROVIDERS and not all(map(is_public, addresses)):
        raise NotSent(f"{host} is not a public address")
    return addresses


def is_public(address: str) -> bool:
    """Whether an IP address, or the one that it carries inside, is on the public internet."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        translated = ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF) if ip in _NAT64 else None
        ip = ip.ipv4_mapped or ip.sixtofour or translated or ip
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


@cache
def _ssl_context() -> ssl.SSLContext:
    return httpcore2.default_ssl_context()


class _Backend(httpcore2.SyncBackend):
    """Connects to the address that was looked at, and ends all at the deadline, however slowly bytes trickle in."""

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        failure: Exception = httpcore2.ConnectTimeout("timed out")
        for address in resolve(host, port):
            if (left := self.deadline - time.monotonic()) <= 0:
                break
            try:
                stream = super().connect_tcp(address, port, left, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
            else:
                return _Stream(stream, self.deadline)
        raise failure


class _Stream(httpcore2.NetworkStream):
    def __init__(self, stream: httpcore2.NetworkStream, deadline: float) -> None:
        self.stream = stream
        self.deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self.stream.read(max_bytes, self.left(httpcore2.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _CHUNK):
            self.stream.write(buffer[start : start + _CHUNK], self.left(httpcore2.WriteTimeout))

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        left = self.left(httpcore2.ConnectTimeout)
        return _Stream(self.stream.start_tls(ssl_context, server_hostname, left), self.deadline)

    def close(self) -> None:
        self.stream.close()

    def get_extra_info(self, info: str) -> Any:
        return self.stream.get_extra_info(info)

    def left(self, timeout: type[httpcore2.TimeoutException]) -> float:
        seconds = self.deadline - time.monotonic()
        if seconds <= 0:
            raise timeout("timed out")
        return seconds
