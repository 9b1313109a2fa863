"""A tiny stand-in for the system: answers /health and holds a connection on each link.

STUB_API and STUB_WORKER say how it misbehaves: `crash` exits at once with 3; `mute` answers
503 after the first 200; `exit` exits with 7 two seconds after it was first healthy.
"""

# ruff: noqa: T201 (a service logs to its output)

import http.server
import os
import subprocess
import sys
import threading

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


class Handler(http.server.BaseHTTPRequestHandler):
    asked = 0

    def do_GET(self) -> None:
        Handler.asked += 1
        status = 503 if HOW == "mute" and Handler.asked > 1 else 200
        self.send_response(status)
        self.end_headers()
        if HOW == "exit" and Handler.asked == 1:
            threading.Timer(2.0, os._exit, (7,)).start()

    def log_message(self, *args: object) -> None:
        pass


http.server.ThreadingHTTPServer(("0.0.0.0", int(os.environ["PORT"])), Handler).serve_forever()
