"""Composition root. Celery's app must exist before Django hands tasks to it."""

from memoryapp.project import garbage

garbage.put_off()

from memoryapp.project.celery import app as celery_app  # noqa: E402

__all__ = ["celery_app"]
