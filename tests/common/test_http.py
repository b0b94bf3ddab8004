"""Against real servers on this machine."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.conf import LazySettings

from oneview.common import http
from oneview.common.http import MAX_ANSWER, NotSent, OutcomeUnknown, TooLarge, fetch, send_request


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.note(body)
        self.answer(201, b'{"ok":true}', {"X-Echo": self.headers.get("content-type", "")})

    def do_GET(self) -> None:
        self.note(b"")
        match self.path.split("/")[1:]:
            case ["redirect", *rest]:
                self.answer(302, b"", {"Location": "/".join(rest)})
            case ["bytes", length]:
                self.answer(200, b"x" * int(length))
            case ["chunks", count]:
                self.send_response(200)
                self.end_headers()
                for _ in range(int(count)):
                    self.wfile.write(b"x" * 65_536)
            case _:
                self.answer(200, b"here")

    def note(self, body: bytes) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.seen.append((self.path, headers, body))  # type: ignore[attr-defined]

    def answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[tuple[str, dict[str, str], bytes]] = []
        if context:
            self.socket = context.wrap_socket(self.socket, server_side=True)
        self.port = self.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"


@pytest.fixture
def server() -> Iterator[Server]:
    yield from serve(Server())


def serve(server: Server) -> Iterator[Server]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.fixture
def raw_server() -> Iterator[Callable[[Callable[[socket.socket], None]], str]]:
    """A server that takes one connection and treats it as told."""
    listener = socket.create_server(("127.0.0.1", 0))
    threads = []

    def start(treat: Callable[[socket.socket], None]) -> str:
        def run() -> None:
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                treat(connection)

        threads.append(threading.Thread(target=run, daemon=True))
        threads[-1].start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}/"

    yield start
    listener.close()
    for thread in threads:
        thread.join(5)


class TestSending:
    def test_json_goes_out_and_the_answer_comes_back(self, server: Server) -> None:
        given = {"authorization": "Bearer t"}
        answer = send_request("POST", f"{server.url}/messages?a=1", headers=given, json={"a": "é"})
        assert (answer.status, answer.body) == (201, b'{"ok":true}')
        path, headers, body = server.seen[0]
        assert (path, body) == ("/messages?a=1", '{"a":"é"}'.encode())
        assert (headers["authorization"], headers["content-type"]) == ("Bearer t", "application/json")

    def test_a_file_goes_out_as_a_form(self, server: Server) -> None:
        files = {"file": ("a b.jpg", b"\xff\xd8", "image/jpeg")}
        answer = send_request("POST", server.url, data={"messaging_product": "whatsapp"}, files=files)
        assert answer.headers["x-echo"].startswith("multipart/form-data; boundary=")
        body = server.seen[0][2]
        assert b'name="messaging_product"\r\n\r\nwhatsapp' in body
        assert b'filename="a b.jpg"\r\nContent-Type: image/jpeg\r\n\r\n\xff\xd8' in body

    def test_bytes_go_out_as_they_are(self, server: Server) -> None:
        send_request("POST", server.url, content=b"{ }", headers={"content-type": "application/json"})
        assert server.seen[0][2] == b"{ }"

    def test_a_redirect_is_an_answer(self, server: Server) -> None:
        assert send_request("GET", f"{server.url}/redirect/elsewhere").status == 302
        assert len(server.seen) == 1

    def test_of_an_endless_answer_the_beginning_is_read(self, server: Server) -> None:
        assert len(send_request("GET", f"{server.url}/chunks/64").body) == MAX_ANSWER

    def test_nothing_is_unpacked(self, server: Server) -> None:
        send_request("GET", server.url)
        assert server.seen[0][1]["accept-encoding"] == "identity"

    def test_variables_for_proxies_are_not_looked_at(self, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
        monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
        assert send_request("GET", server.url).status == 200


class TestFailures:
    def test_nobody_listens(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            url = f"http://127.0.0.1:{taken.getsockname()[1]}/bot-secret/"
        with pytest.raises(NotSent) as error:
            send_request("POST", url, json={})
        assert "bot-secret" not in str(error.value)

    @pytest.mark.parametrize(
        "url", ["", "nonsense", "ftp://a.example.com/", "http:///x", "http://[::1", "http://u:p@a/"]
    )
    def test_it_is_no_address(self, url: str) -> None:
        with pytest.raises(NotSent):
            send_request("GET", url)

    def test_a_header_breaks_the_line(self, server: Server) -> None:
        with pytest.raises(NotSent):
            send_request("GET", server.url, headers={"authorization": "Bearer a\r\nX: y"})
        assert server.seen == []

    @pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab", b"what?\r\n\r\n"])
    def test_nobody_knows_whether_it_was_taken(self, raw_server: Any, answer: bytes) -> None:
        def treat(connection: socket.socket) -> None:
            connection.recv(65_536)
            connection.sendall(answer)

        with pytest.raises(OutcomeUnknown):
            send_request("POST", raw_server(treat), json={})

    def test_an_answer_does_not_come(self, raw_server: Any) -> None:
        answer, ends = threading.Event(), []

        def hold(connection: socket.socket) -> None:
            ends.append(answer.wait(30))

        with pytest.raises(OutcomeUnknown):
            send_request("POST", raw_server(hold), json={}, timeout=0.3)
        assert ends == []
        answer.set()

    @pytest.mark.parametrize("before", [b"", b"HTTP/1.1 200 OK\r\n\r\n"], ids=["before the headers", "in the body"])
    def test_an_answer_that_trickles_in_is_cut_off(self, raw_server: Any, before: bytes) -> None:
        ends = []

        def trickle(connection: socket.socket) -> None:
            connection.sendall(before)
            for _ in range(1_500):
                connection.sendall(b"x")
                time.sleep(0.02)
            ends.append("after half a minute")

        with pytest.raises(OutcomeUnknown):
            send_request("GET", raw_server(trickle), timeout=0.3)
        assert ends == []


class TestFetching:
    def test_a_file_up_to_the_cap_is_read(self, server: Server) -> None:
        assert len(fetch(f"{server.url}/bytes/1000", max_bytes=1000).body) == 1000

    @pytest.mark.parametrize("path", ["bytes/1001", "chunks/1"], ids=["told before", "found out while reading"])
    def test_a_larger_one_is_refused(self, server: Server, path: str) -> None:
        with pytest.raises(TooLarge):
            fetch(f"{server.url}/{path}", max_bytes=1000)

    def test_three_redirects_are_followed(self, server: Server) -> None:
        assert fetch(f"{server.url}/redirect//redirect//redirect//there").body == b"here"
        with pytest.raises(NotSent):
            fetch(f"{server.url}/redirect//redirect//redirect//redirect//there")

    def test_credentials_stay_with_their_host(self, server: Server) -> None:
        other = next(iter_server := serve(Server()))
        headers = {"authorization": "Bearer secret"}
        fetch(f"{server.url}/redirect//there", headers=headers)
        fetch(f"{server.url}/redirect/{other.url}/there", headers=headers)
        assert [seen[1].get("authorization") for seen in server.seen] == ["Bearer secret"] * 3
        assert [seen[1].get("authorization") for seen in other.seen] == [None]
        next(iter_server, None)

    def test_a_redirect_is_looked_at_as_well(self, server: Server) -> None:
        with pytest.raises(NotSent):
            fetch(f"{server.url}/redirect/file:///etc/passwd")


LOCAL_HOSTS = [
    "localhost",
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "0.0.0.0",
    "127.0.0.1.",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "224.0.0.1",
    "255.255.255.255",
    "192.0.2.1",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "[fe80::1]",
    "[fd00::1]",
    "[ff02::1]",
    "１２７.0.0.1",
]


class TestWalls:
    @pytest.fixture(autouse=True)
    def _production(self, settings: LazySettings) -> None:
        settings.ALLOW_LOCAL_PROVIDERS = False

    @pytest.mark.parametrize("host", LOCAL_HOSTS)
    def test_nothing_local_is_called(self, server: Server, host: str) -> None:
        for call in (lambda url: send_request("GET", url, timeout=2), lambda url: fetch(url, timeout=2)):
            with pytest.raises(NotSent):
                call(f"https://{host}:{server.port}/")
        assert server.seen == []

    def test_plain_http_is_not_spoken(self, server: Server) -> None:
        with pytest.raises(NotSent, match="https"):
            fetch(server.url)

    def test_one_local_address_among_public_ones_is_enough(self, monkeypatch: pytest.MonkeyPatch) -> None:
        answer_names(monkeypatch, "93.184.216.34", "127.0.0.1")
        with pytest.raises(NotSent, match="not a public address"):
            fetch("https://files.example.com/")

    @pytest.mark.parametrize(
        "address", ["93.184.216.34", "2606:2800:220:1::1", "64:ff9b::5db8:d822", "2002:5db8:d822::"]
    )
    def test_public_addresses_are_fine(self, address: str) -> None:
        assert http.is_public(address)


class TestNames:
    def test_a_name_is_asked_for_once_and_stays_the_host(self, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
        asked = answer_names(monkeypatch, "127.0.0.1")
        assert fetch(f"http://files.example.com:{server.port}/x").body == b"here"
        assert asked == ["files.example.com"]
        assert server.seen[0][1]["host"] == f"files.example.com:{server.port}"

    def test_the_next_address_is_tried(self, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
        answer_names(monkeypatch, "127.0.0.2", "127.0.0.1")
        assert fetch(f"http://files.example.com:{server.port}/x").body == b"here"

    def test_a_certificate_has_to_fit_the_name(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        make_certificate(tmp_path, "files.example.com")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tmp_path / "certificate.pem", tmp_path / "key.pem")
        trusting = ssl.create_default_context(cafile=tmp_path / "certificate.pem")
        monkeypatch.setattr(http, "_ssl_context", lambda: trusting)
        answer_names(monkeypatch, "127.0.0.1")
        server = next(running := serve(Server(context)))
        assert fetch(f"https://files.example.com:{server.port}/x").body == b"here"
        with pytest.raises(NotSent):
            fetch(f"https://other.example.com:{server.port}/x")
        monkeypatch.undo()
        with pytest.raises(NotSent):
            fetch(f"https://127.0.0.1:{server.port}/x")
        next(running, None)


def answer_names(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    """All names have these addresses; returns the list that grows with each question."""
    asked: list[str] = []
    ask = socket.getaddrinfo

    def getaddrinfo(host: str, port: int, *arguments: Any, **options: Any) -> Any:
        if host.endswith(".example.com"):
            asked.append(host)
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]
        return ask(host, port, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


def make_certificate(folder: Path, host: str) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
