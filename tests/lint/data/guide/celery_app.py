# app/core/celery_app.py
import os
from celery import Celery
from kombu import Queue

# Redis configuration optimized for Cloud Run
redis_url = os.getenv('REDIS_URL', 'redis://localhost:6379/0')

# Enhanced broker configuration for Cloud Run
broker_transport_options = {
    'retry_on_timeout': True,
    'max_retries': 10,
    'interval_start': 0,
    'interval_step': 0.2,
    'interval_max': 1,
    'socket_keepalive': True,
    'socket_keepalive_options': {
        'TCP_KEEPIDLE': 1,
        'TCP_KEEPINTVL': 3,
        'TCP_KEEPCNT': 5,
    },
    'socket_connect_timeout': 30,
    'socket_timeout': 30,
    'health_check_interval': 30,
}

# Celery app configuration
celery_app = Celery(
    'storymimi',
    broker=redis_url,
    backend=redis_url,
    include=['app.tasks.generate_story_task']
)

# Optimized configuration for Cloud Run
celery_app.conf.update(
    # Task settings
    task_serializer='json',
    accept_content=['json'],
    result_serializer='json',
    timezone='UTC',
    enable_utc=True,
    
    # Worker settings optimized for Cloud Run
    worker_prefetch_multiplier=1,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_track_started=True,
    
    # Connection settings
    broker_connection_retry_on_startup=True,
    broker_connection_retry=True,
    broker_transport_options=broker_transport_options,
    
    # Result backend settings
    result_backend_transport_options={
        'retry_on_timeout': True,
        'max_retries': 10,
    },
    
    # Queue configuration
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
