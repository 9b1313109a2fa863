# app/core/celery_app.py
import os
import socket

os.environ.setdefault('REMAP_SIGTERM', 'SIGQUIT')

from celery import Celery
from kombu import Queue

redis_url = os.getenv('REDIS_URL', 'redis://localhost:6379/0')

broker_transport_options = {
    'socket_keepalive': True,
    'socket_keepalive_options': {
        socket.TCP_KEEPIDLE: 10,
        socket.TCP_KEEPINTVL: 5,
        socket.TCP_KEEPCNT: 3,
    },
    'socket_connect_timeout': 3,
    'socket_timeout': 3,
    'health_check_interval': 3,
    'visibility_timeout': 60,
    'unacked_restore_interval': 5,
    'unacked_restore_throttle': 1,
}

celery_app = Celery(
    'storymimi',
    broker=redis_url,
    backend=redis_url,
    include=['app.tasks.generate_story_task']
)

celery_app.conf.update(
    task_serializer='json',
    accept_content=['json'],
    result_serializer='json',
    timezone='UTC',
    enable_utc=True,

    worker_prefetch_multiplier=1,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    worker_soft_shutdown_timeout=6,

    broker_connection_retry_on_startup=True,
    broker_connection_retry=True,
    broker_transport_options=broker_transport_options,

    result_backend_transport_options={
        'retry_policy': {'max_retries': 10},
    },

    task_default_queue='default',
    task_queues=(
        Queue('default', routing_key='default'),
        Queue('story_generation', routing_key='story_generation'),
    ),
    task_routes={
        'app.tasks.generate_story_task.generate_story_task': {
            'queue': 'story_generation'
        }
    }
)
