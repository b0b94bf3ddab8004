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
ANSWERS = {
    "order": "Orders leave our warehouse within a day and are on their way for two or three more.",
    "open": "We are here from Monday to Friday, 9:00 to 17:00.",
}


def call(path, content=None):
    body = content and json.dumps(content).encode()
    url = f"{os.environ['ONEVIEW_URL']}/api/v1/conversations/{path}/"
    with urlopen(Request(url, body, HEADERS), timeout=4) as response:
        return json.load(response)


def answer(id, conversation, text):
    if call(conversation)["turn"] != "bot":
        return
    wants_person = "person" in text.lower()
    known = next((said for word, said in ANSWERS.items() if word in text.lower() and not wants_person), None)
    reply = known or "One moment, I am asking a colleague to help you."
    call(f"{conversation}/messages", {"client_id": id, "text": reply})
    if not known:
        reason = "Asked for a person" if wants_person else "The bot has no answer"
        call(f"{conversation}/handover", {"reason": reason, "summary": f"Last words: {text[:200]}"})


class Bot(BaseHTTPRequestHandler):
    def do_POST(self):
        id, at = self.headers["webhook-id"], self.headers["webhook-timestamp"]
        body = self.rfile.read(int(self.headers["content-length"]))
        signature = base64.b64encode(hmac.digest(KEY, f"{id}.{at}.".encode() + body, "sha256")).decode()
        is_ours = hmac.compare_digest(f"v1,{signature}".encode(), self.headers["webhook-signature"].encode())
        status = self.take(id, json.loads(body)["data"]) if is_ours and abs(time.time() - int(at)) < 300 else 401
        self.send_response(status)
        self.end_headers()

    def take(self, id, message):
        try:
            if message and message["author"]["kind"] == "user":
                answer(id, message["conversation"], message["text"])
        except HTTPError as error:
            return 204 if error.code in (404, 409) else 503  # 409: a person was faster; 503: tell me again
        except OSError:
            return 503
        return 204


ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Bot).serve_forever()
