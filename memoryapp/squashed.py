"""All tables of an app at once, on an empty database.

For each column that is added, Django works out anew what the models around it are. Of a hundred
migrations that is nearly all of the time a first start or a test database takes.
"""

from __future__ import annotations

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import ProjectState


class Squashed(migrations.Migration):
    """Works out the models once, after all operations, and makes the tables from that.

    So its operations are new tables in their last form, which may refer to each other in a circle,
    and SQL. It is one transaction, with Django's note that it was done: killed, it leaves nothing.
    """

    def apply(
        self,
        project_state: ProjectState,
        schema_editor: BaseDatabaseSchemaEditor,
        collect_sql: bool = False,
    ) -> ProjectState:
        """See ``Migration.apply``; ``collect_sql`` (``sqlmigrate``) gives SQL without remarks."""
        before = project_state.clone()
        # Models that are there already would be worked out again with each one that is added.
        project_state.__dict__.pop("apps", None)
        self.mutate_state(project_state, preserve=False)
        for operation in self.operations:
            operation.database_forwards(self.app_label, schema_editor, before, project_state)
        # Foreign keys, indexes. While some are to come, Django notes nothing in the transaction.
        for statement in schema_editor.deferred_sql:
            schema_editor.execute(statement, None)
        schema_editor.deferred_sql.clear()
        return project_state
