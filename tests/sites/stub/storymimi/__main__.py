"""A tiny stand-in for the system: answers /health and holds a connection on each link.

STUB_API and STUB_WORKER say how it misbehaves: `crash` exits at once with 3; `mute` answers
503 after the first 200; `slow` does so, too, until it is ready, and is that when it was asked for
five seconds; `exit` exits with 7 two seconds after it was first healthy. With `polite`
it ends the requests that it has in hand when it is told to go, and then exits with 0.

A POST takes 0.8 s, and then counts as a published story.
"""

# ruff: noqa: T201 (a service logs to its output)

import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import redis

SERVICE = os.environ["SERVICE_TYPE"]
HOW = os.environ.get(f"STUB_{SERVICE.upper()}", "well")

print("REDIS_URL is", os.environ["REDIS_URL"], flush=True)
if HOW == "crash":
    sys.exit(3)

# As Celery's prefork children: they must not outlive this process.
subprocess.Popen(["sleep", "1000"])

clients = {}
for link, variable in (("broker", "REDIS_URL"), ("backend", "RESULT_BACKEND_URL")):
    clients[link] = redis.Redis.from_url(os.environ[variable])
    clients[link].client_setname(f"{SERVICE}-{link}")
print(
    "[2026-01-01 00:00:00,000: INFO/MainProcess] Connected to", os.environ["REDIS_URL"], flush=True
)


# The site asks ten times a second.
LOOKS_UNTIL_READY = 50 if HOW == "slow" else 0


class Handler(http.server.BaseHTTPRequestHandler):
    asked = 0
    asked_ready = 0

    def do_GET(self) -> None:
        if self.path == "/ready":
            Handler.asked_ready += 1
            status = 200 if Handler.asked_ready > LOOKS_UNTIL_READY else 503
            self.send_response(status)
            self.end_headers()
            if status == 200:
                print("ready", flush=True)
            return
        Handler.asked += 1
        booting = Handler.asked_ready < LOOKS_UNTIL_READY
        status = 503 if Handler.asked > 1 and (HOW == "mute" or booting) else 200
        if Handler.asked == 1:
            print("first answer:", status, flush=True)
        self.send_response(status)
        self.end_headers()
        if HOW == "exit" and Handler.asked == 1:
            threading.Timer(2.0, os._exit, (7,)).start()

    def do_POST(self) -> None:
        time.sleep(0.8)
        line = {"event": "published", "story_id": "stub", "instance": os.environ["INSTANCE_ID"]}
        with Path(os.environ["STORYMIMI_LEDGER"]).open("a") as ledger:
            ledger.write(json.dumps(line) + "\n")
        self.send_response(202)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


server = http.server.ThreadingHTTPServer(("0.0.0.0", int(os.environ["PORT"])), Handler)
if HOW == "polite":
    server.daemon_threads = False
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
with server:
    server.serve_forever(poll_interval=0.05)
