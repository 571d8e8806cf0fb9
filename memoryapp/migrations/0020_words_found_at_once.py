from django.db import migrations

from memoryapp.resumable import Resumable

#: By default a GIN index puts what was just written on a list that every search reads whole
#: until a vacuum sorts it in. Bullets are searched far more often than they are written.
AT_ONCE = "ALTER INDEX memoryapp_bullet_search SET (fastupdate = off)"
LATER = "ALTER INDEX memoryapp_bullet_search RESET (fastupdate)"


class Migration(Resumable):
    # Sorting the list in takes seconds; nothing waits for it.

    dependencies = [
        ("memoryapp", "0019_lists_of_millions"),
    ]

    operations = [
        migrations.RunSQL(AT_ONCE, LATER),
        migrations.RunSQL(
            "SELECT gin_clean_pending_list('memoryapp_bullet_search')",
            migrations.RunSQL.noop,
        ),
    ]
