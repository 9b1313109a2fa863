"""For each rule: files in which it nearly fires, and must not."""

from __future__ import annotations

from .asked import Files
from .samples import (
    APP,
    INTS,
    POOL,
    RUN_WORKER,
    SECRET,
    SOFT,
    WORKER,
    build,
    celery,
    handler,
    image,
    options,
    requirements,
    shell,
)

NEAR_MISSES: dict[str, list[Files]] = {
    "keepalive-string-keys": [options(f'"socket_keepalive_options": {INTS}')],
    "broker-retry-on-timeout": [
        options('"retry_on_timeout": False'),
        celery("app.conf.redis_retry_on_timeout = True"),
    ],
    "broker-retries-ignored": [
        celery("app.conf.task_publish_retry_policy = {'max_retries': 3}"),
        {
            "app.py": 'app = Celery(broker="sqs://")\napp.conf.broker_transport_options = {\n'
            '  "max_retries": 3}'
        },
    ],
    "broker-socket-timeout": [
        options('"health_check_interval": 5'),
        celery("app.config_from_object('settings')"),
        {
            "app.py": 'app = Celery(broker="redis://x",\n'
            '  broker_transport_options={"socket_timeout": 5})'
        },
        celery("app.conf.broker_transport_options = {'socket_timeout': TIMEOUT_S}"),
        celery("app.conf.broker_transport_options = make_options()"),
        {"app.py": 'app = Celery("x", broker="amqp://r")\n'},
        {"app.py": 'app = Celery("x", broker=settings.broker)\n'},
    ],
    "keepalive-kernel-defaults": [
        options(f'"socket_keepalive": True, "socket_keepalive_options": {INTS}'),
        options('"socket_keepalive": True, **more'),
    ],
    "keepalive-not-on": [options(f'"socket_keepalive": ON, "socket_keepalive_options": {INTS}')],
    "health-check-interval-ignored": [
        options('"health_check_interval": 5') | requirements("redis==7.0.1", "kombu==5.7.0"),
        options('"health_check_interval": 5') | requirements("redis>=5", "kombu==5.6.2"),
        options('"health_check_interval": 5'),
    ],
    "visibility-timeout-default": [
        options('"x": 1}; app.conf.task_acks_late = True; more = {'),
        celery("app.conf.task_acks_late = False"),
    ],
    "track-started-on-backend": [
        celery("app.conf.update(task_track_started=True, task_ignore_result=True)", APP),
        celery("app.conf.task_track_started = True"),
    ],
    "results-nobody-reads": [
        celery("app.conf.task_ignore_result = True", APP),
        celery("print(add.delay(1).get(timeout=3))", APP),
        celery("app.conf.timezone = 'UTC'"),
    ],
    "backend-options-ignored": [
        celery("app.conf.result_backend_transport_options = {'retry_policy': {}}", APP),
        celery("app.conf.result_backend_transport_options = {'global_keyprefix': 'x'}", APP),
    ],
    "health-always-ok": [
        handler("if worker_is_mute():\n    raise SystemExit\nself.send_response(200)"),
        handler("self.send_response(200 if self.server.alive else 503)"),
        handler("self.send_response(404)"),
    ],
    "worker-main-no-subcommand": [
        {"run.py": "app.worker_main(['worker', '-l', 'info'])\n"},
        {"run.py": "app.worker_main([*sys.argv[1:], '-l', 'info'])\n"},
    ],
    "no-soft-shutdown": [
        RUN_WORKER,
        RUN_WORKER | celery(SOFT) | image("ENV REMAP_SIGTERM=SIGQUIT"),
        celery("names = ['celery', 'worker']"),
    ],
    "sigterm-stops-at-shell": [
        image("USER app\nCMD exec celery -A app worker"),
        image('USER app\nCMD ["celery", "-A", "app", "worker"]'),
        {"start.sh": "#!/bin/sh\nexec celery -A app worker\n"},
        {"dev.sh": "celery -A app worker\n"},
    ],
    "asgi-under-wsgi": [
        shell("gunicorn -k uvicorn_worker.UvicornWorker app.main:app"),
        shell("gunicorn -w 4 api.wsgi:application") | requirements("fastapi"),
        shell("gunicorn app.main:app") | requirements("flask"),
        shell("gunicorn --threads 8 main:app"),
    ],
    "worker-cpu-throttled": [
        shell(f"{WORKER} {POOL}"),
        shell("gcloud run deploy x-api --cpu-throttling"),
    ],
    "worker-cpu-unstated": [
        shell("gcloud run services update x-worker --image=i"),
        shell(f'{WORKER} "${{FLAGS[@]}}"'),
        shell("gcloud beta run worker-pools deploy x-worker --image=i"),
        shell(f"{WORKER} --tag=$(git rev-parse HEAD | cut -c1-7) {POOL}"),
    ],
    "worker-scales-to-zero": [shell(f"{WORKER} {POOL}"), shell("gcloud run deploy x-api")],
    "worker-request-timeout": [
        shell(f"{WORKER} {POOL} --timeout=300"),
        shell("gcloud run deploy x-api --timeout=3600"),
    ],
    "gcloud-logs-tail": [
        shell("gcloud beta run services logs tail x"),
        shell("# gcloud logs tail\necho 'gcloud logs tail'"),
    ],
    "secrets-unused": [build(f"  secretEnv: [KEY]\n{SECRET}")],
    "build-timeout-unstated": [build(""), {"compose.yaml": "services: {}\n"}],
    "artifacts-lost-on-failure": [
        build("  allowFailure: true\nartifacts:\n  objects: {location: gs://b, paths: [r]}"),
        build("artifacts:\n  images: [x]"),
    ],
    "runs-as-root": [
        image("USER app\nCMD ['x']"),
        image("CMD ['x']", base="ourregistry/base:1"),
        image("USER app\nFROM base\nCMD ['x']", base="python:3.11 AS base"),
        image("RUN true"),
    ],
    "container-registry": [
        shell("docker run gcr.io/cloud-builders/docker:1 notgcr.io/p/x"),
        shell("# gcr.io/p/x\ndocker push us-docker.pkg.dev/p/r/x"),
    ],
    "celery-without-hub-reset": [requirements("celery[redis]==5.6.3", "kombu==5.6.2", "redis==6")],
    "issue-7276": [
        requirements("kombu==5.4.0") | RUN_WORKER,
        requirements("kombu==5.3.7")
        | {"run.py": 'cmd = ["celery", "-A", "app", "worker", "--without-mingle"]\n'},
    ],
    "celery-pinned-alone": [
        requirements("celery[redis]==5.6.3", "kombu==5.6.2", "redis==6.4.0"),
        requirements("celery[redis]==5.6.3", "-c constraints.txt"),
        requirements("celery==5.6.3", "kombu==5.6.2"),
        requirements("celery>=5.6"),
    ],
    "celery-without-redis-extra": [
        requirements("celery[redis]"),
        requirements("celery", "redis", "packaging"),
        requirements("celery==5.5.3", "redis"),
        requirements("celery", "redis", "kombu==5.6.2"),
    ],
}
