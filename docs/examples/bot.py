"""Answers users what it knows and hands over to people what it does not. Python's standard library is enough."""

import base64
import hmac
import json
import os
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.error import HTTPError
from urllib.request import Request, urlopen

KEY = base64.b64decode(os.environ["WEBHOOK_SECRET"].removeprefix("whsec_"))
HEADERS = {"authorization": f"Bearer {os.environ['TOKEN']}", "content-type": "application/json"}
ANSWERS = {"order": "Orders arrive within three days.", "open": "We are here from Monday to Friday, 9:00 to 17:00."}


def call(path, content):
    url = f"{os.environ['ONEVIEW_URL']}/api/v1/conversations/{path}/"
    urlopen(Request(url, json.dumps(content).encode(), HEADERS), timeout=4).close()


def answer(id, conversation, text):
    known = next((said for word, said in ANSWERS.items() if word in text.lower()), None)
    call(f"{conversation}/messages", {"client_id": id, "text": known or "One moment, I am asking a colleague."})
    if not known:
        call(f"{conversation}/handover", {"reason": "The bot has no answer", "summary": f"Last words: {text[:200]}"})


class Bot(BaseHTTPRequestHandler):
    def do_POST(self):
        id, at, signature = (self.headers[f"webhook-{name}"] for name in ("id", "timestamp", "signature"))
        body = self.rfile.read(int(self.headers["content-length"]))
        ours = "v1," + base64.b64encode(hmac.digest(KEY, f"{id}.{at}.".encode() + body, "sha256")).decode()
        status = 204 if hmac.compare_digest(ours, signature or "") and abs(time.time() - int(at)) < 300 else 401
        try:
            message = json.loads(body)["data"] if status == 204 else None
            if message and message["author"]["kind"] == "user":
                answer(id, message["conversation"], message["text"])
        except OSError as error:  # 409: a person was faster; everything else: tell me again
            status = 204 if isinstance(error, HTTPError) and error.code in (404, 409) else 503
        self.send_response(status)
        self.end_headers()


ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Bot).serve_forever()
