"""What is inserted most keeps no index that another one of its table begins with."""

from memoryapp.resumable import DropCoveredIndexes, Resumable


class Migration(Resumable):
    dependencies = [
        ("practice", "0031_followed_lesson"),
    ]

    operations = [
        DropCoveredIndexes(
            [
                ("attempt", "task"),
                ("incidentalert", "incident"),
                ("practicetask", "round"),
                ("step", "attempt"),
                ("storedtext", "workspace"),
                ("unit", "run"),
            ]
        ),
    ]
