"""For each rule: files in which it fires, and where."""

from __future__ import annotations

from .asked import Files

APP = 'app = Celery("x", broker="redis://r", backend="redis://r")\n'
BROKER = 'app = Celery("x", broker="redis://r")\n'
TIMEOUT = '"socket_timeout": 3, "visibility_timeout": 60'


def celery(text: str, app: str = BROKER) -> Files:
    return {"app.py": f"import socket\nfrom celery import Celery\n{app}{text}\n"}


def options(text: str) -> Files:
    return celery(f"app.conf.broker_transport_options = {{\n    {TIMEOUT},\n    {text}\n}}")


def shell(text: str) -> Files:
    return {"deploy.sh": text + "\n"}


def build(text: str) -> Files:
    return {"cloudbuild.yaml": f"timeout: 60s\nsteps:\n- name: bash\n  args: [ls]\n{text}\n"}


def image(text: str, base: str = "python:3.11-slim") -> Files:
    return {"Dockerfile": f"FROM {base}\n{text}\n"}


def requirements(*lines: str) -> Files:
    return {"requirements.txt": "\n".join(lines) + "\n"}


def handler(body: str) -> Files:
    text = "from http.server import BaseHTTPRequestHandler\n\n"
    text += "class Health(BaseHTTPRequestHandler):\n    def do_GET(self):\n"
    return {"health.py": text + "".join(f"        {line}\n" for line in body.split("\n"))}


WORKER = "gcloud run deploy x-worker --image=i"
POOL = "--min-instances=1 --no-cpu-throttling"
SOFT = "app.conf.worker_soft_shutdown_timeout = 6"
INTS = "{socket.TCP_KEEPIDLE: 10}"
SECRET = "availableSecrets:\n  secretManager:\n  - versionName: v\n    env: KEY\n"
RUN_WORKER = {"run.py": 'cmd = ["celery", "-A", "app", "worker", "-c", "2"]\n'}

FIRES: dict[str, tuple[Files, list[str]]] = {
    "keepalive-string-keys": (
        options('"socket_keepalive": True, "socket_keepalive_options": {\n "TCP_KEEPIDLE": 1}'),
        ["app.py:7"],
    ),
    "broker-retry-on-timeout": (options('"retry_on_timeout": True'), ["app.py:6"]),
    "broker-retries-ignored": (options('"interval_start": 0,\n"max_retries": 3'), ["app.py:6"]),
    "broker-socket-timeout": (celery("app.conf.task_acks_late = False"), ["app.py:3"]),
    "keepalive-kernel-defaults": (options('"socket_keepalive": True'), ["app.py:6"]),
    "keepalive-not-on": (options(f'"socket_keepalive_options": {INTS}'), ["app.py:6"]),
    "health-check-interval-ignored": (
        options('"health_check_interval": 5') | requirements("redis>=7", "kombu==5.6.2"),
        ["app.py:6"],
    ),
    "visibility-timeout-default": (
        celery("app.conf.update(\n  task_acks_late=True,\n  broker_connection_retry=True)"),
        ["app.py:5"],
    ),
    "track-started-on-backend": (celery("app.conf.task_track_started = True", APP), ["app.py:4"]),
    "results-nobody-reads": (celery("app.conf.timezone = 'UTC'", APP), ["app.py:3"]),
    "backend-options-ignored": (
        celery("app.conf.result_backend_transport_options = {'max_retries': 3}", APP),
        ["app.py:4"],
    ),
    "health-always-ok": (
        handler("self.send_response(200)\nself.end_headers()\nself.wfile.write(b'OK')"),
        ["health.py:5"],
    ),
    "worker-main-no-subcommand": (
        {"run.py": "flags = ['-l', 'info']\napp.worker_main(argv)\napp.worker_main(flags)\n"},
        ["run.py:3"],
    ),
    "no-soft-shutdown": (RUN_WORKER | celery("app.conf.timezone = 'UTC'"), ["run.py:1"]),
    "sigterm-stops-at-shell": (
        image("USER app\nCMD celery -A app worker \\\n  -c 2"),
        ["Dockerfile:3"],
    ),
    "asgi-under-wsgi": (
        shell("gunicorn -w 4 \\\n  api:app") | requirements("fastapi"),
        ["deploy.sh:2"],
    ),
    "worker-cpu-throttled": (
        shell("gcloud run services update x \\\n --cpu-throttling \\\n --args=celery,-A,x,worker"),
        ["deploy.sh:2"],
    ),
    "worker-cpu-unstated": (shell(f"{WORKER} --min-instances=1"), ["deploy.sh:1"]),
    "worker-scales-to-zero": (
        shell(f"{WORKER} --no-cpu-throttling \\\n --min-instances 0"),
        ["deploy.sh:2"],
    ),
    "worker-request-timeout": (shell(f"{WORKER} {POOL} \\\n --timeout 15m"), ["deploy.sh:2"]),
    "gcloud-logs-tail": (
        build(
            "- name: x\n  entrypoint: bash\n  args:\n  - -c\n  - |\n    ls\n    gcloud logs tail"
        ),
        ["cloudbuild.yaml:11"],
    ),
    "secrets-unused": (build(SECRET), ["cloudbuild.yaml:5"]),
    "build-timeout-unstated": (
        {"cloudbuild.yaml": "options: {}\nsteps:\n- name: bash\n"},
        ["cloudbuild.yaml:2"],
    ),
    "artifacts-lost-on-failure": (
        build("artifacts:\n  objects:\n    location: gs://b\n    paths: [report.html]"),
        ["cloudbuild.yaml:5"],
    ),
    "runs-as-root": (image("USER app\nUSER root\nCMD ['x']"), ["Dockerfile:3"]),
    "container-registry": (shell("docker push \\\n  eu.gcr.io/p/x:1"), ["deploy.sh:2"]),
    "celery-without-hub-reset": (
        requirements("kombu==5.6.2", "redis==6", "celery[redis] == 5.6.1  # newest"),
        ["requirements.txt:3"],
    ),
    "issue-7276": (requirements("kombu==5.3.7") | RUN_WORKER, ["requirements.txt:1"]),
    "celery-pinned-alone": (
        image("RUN pip install \\\n  'celery[redis]==5.6.3'"),
        ["Dockerfile:3"],
    ),
    "celery-without-redis-extra": (requirements("redis", "celery"), ["requirements.txt:2"]),
}
