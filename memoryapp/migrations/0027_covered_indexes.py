"""What is inserted most keeps no index that another one of its table begins with.

Those of bullets and candidates by playbook stay: a few playbooks hold millions of rows, and an
index of one column that is mostly the same is a tenth as large to count in.
"""

from memoryapp.resumable import DropCoveredIndexes, Resumable


class Migration(Resumable):
    dependencies = [
        ("memoryapp", "0026_votes_of_a_day"),
    ]

    operations = [
        DropCoveredIndexes(
            [
                ("bulletrevision", "bullet"),
                ("bulletvector", "revision"),
                ("candidate", "workspace"),
                ("delivery", "webhook"),
                ("event", "workspace"),
                ("evidence", "candidate"),
                ("pullreceipt", "release"),
                ("recalltrace", "workspace"),
                ("report", "release"),
                ("trail", "candidate"),
                ("vote", "report"),
            ]
        ),
    ]
