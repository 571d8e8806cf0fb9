from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import models

from memoryapp.resumable import Resumable


class Migration(Resumable):
    # Nothing waits for the votes while they are indexed.

    dependencies = [
        ("memoryapp", "0025_webhook_words"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="reviewvote",
            index=models.Index(fields=["reviewer", "created_at"], name="votes_of_reviewer"),
        ),
    ]
