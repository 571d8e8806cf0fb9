"""Composition root. Celery's app must exist before Django hands tasks to it."""

from memoryapp.project.celery import app as celery_app

__all__ = ["celery_app"]
