"""The chat on a site: what it weighs, and how soon a visitor on a slow phone can write."""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import httpx2
from playwright.sync_api import Browser, sync_playwright

from bench.installation import Installation, start_installation
from bench.kinds import Line
from bench.report import Result, at_most, not_run
from tests.conftest import CHROMIUM_OPTIONS, find_chromium

OPENINGS = 5
SLOWDOWN = 4  # of the processor, as in the audits that simulate a phone
SLOW_4G = {"offline": False, "latency": 150, "downloadThroughput": 1_600_000 / 8, "uploadThroughput": 750_000 / 8}
ASSET = re.compile(r'(?:href|src)="(/static/[^"]+)"')

# In every frame: says to the page around it when the field can be written in.
TELL = """
addEventListener("focusin", ({ target }) => {
  if (target.id === "text") parent.postMessage({ bench: "usable" }, "*");
});
"""
# Milliseconds from the moment that the page asks for the script. The button is pressed as soon as there is one.
OPEN = """
([address, key]) => new Promise((resolve) => {
  addEventListener("message", ({ data }) => data.bench === "usable" && resolve(performance.now() - begun));
  const script = document.createElement("script");
  script.dataset.key = key;
  script.src = address;
  script.onload = () => window.OneView.open();
  const begun = performance.now();
  document.head.append(script);
})
"""


def measure(_: Installation) -> list[Result]:
    """On an installation of its own, which serves compressed files as in production."""
    with start_installation({"STATICFILES": "collected"}) as installation, _serve_shop() as shop:
        tenant = installation.make_tenant(400, kinds=())
        line = installation.make_line(tenant.slug, kind="webchat", external_id="shop", allowed_origins=shop)
        weight = at_most("widget.kb", _weigh(installation, line) / 1000, "kB", goal=15)
        with sync_playwright() as playwright:
            program = find_chromium(playwright.chromium)
            if program is None:
                return [weight, not_run("widget.ready_ms", "no Chromium")]
            with playwright.chromium.launch(executable_path=program, args=CHROMIUM_OPTIONS) as browser:
                taken = [_open(browser, installation, line, shop=shop) for _ in range(OPENINGS)]
    return [weight, at_most("widget.ready_ms", statistics.median(taken), "ms", goal=1000)]


@contextmanager
def _serve_shop() -> Iterator[str]:
    """An empty page of another origin; Chromium lets no page that is made up fetch from this machine."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _ShopPage) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class _ShopPage(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(b'<!doctype html><html lang="en"><title>Shop</title><body><h1>Shop</h1></body></html>')

    def log_message(self, *_: object) -> None:
        pass


def _weigh(installation: Installation, line: Line) -> int:
    """Bytes of the bodies of all that a first opening fetches, compressed as they are served to a browser."""
    with httpx2.Client(base_url=installation.running.url, headers={"Accept-Encoding": "gzip, br"}) as client:
        page = f"/widget/{line.public_id}/"
        assets = ASSET.findall(client.get(page).raise_for_status().text)
        assert len(assets) == 2, assets
        return sum(_count_bytes(client, path) for path in ("/widget/loader.js", page, *assets))


def _count_bytes(client: httpx2.Client, path: str) -> int:
    with client.stream("GET", path) as answer:
        answer.raise_for_status()
        return sum(map(len, answer.iter_raw()))


def _open(browser: Browser, installation: Installation, line: Line, *, shop: str) -> float:
    """Milliseconds of one opening by a browser that has never been there."""
    context = browser.new_context()
    try:
        context.add_init_script(TELL)
        page = context.new_page()
        page.goto(shop)
        session = context.new_cdp_session(page)
        session.send("Network.enable")
        session.send("Network.emulateNetworkConditions", SLOW_4G)
        session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWDOWN})
        return float(page.evaluate(OPEN, [f"{installation.running.url}/widget/loader.js", line.public_id]))
    finally:
        context.close()
