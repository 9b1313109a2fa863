"""Finds out by experiment whether a Celery + Redis system survives Cloud Run."""
