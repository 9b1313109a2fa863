"""The system under test: FastAPI + Celery + Redis, as deployed on Cloud Run."""
