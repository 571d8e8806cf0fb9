"""What Django looks for in a backend of databases."""

from __future__ import annotations

from types import ModuleType, SimpleNamespace
from typing import Any, cast

import psycopg
from django.db.backends.postgresql import base

from memoryapp.clients import postgres


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's own but for how it connects."""

    Database = cast(ModuleType, SimpleNamespace(**{**vars(psycopg), "connect": postgres.connect}))

    @property
    def is_pooled(self) -> bool:
        return bool(self.settings_dict["DISABLE_SERVER_SIDE_CURSORS"])

    def get_connection_params(self) -> dict[str, Any]:
        params = super().get_connection_params()
        if given := params.get("connect_timeout"):
            params["connect_timeout"] = postgres.connect_seconds(given)
        seconds = postgres.statement_seconds()
        if seconds and not self.is_pooled:
            # First, so that what the address says goes before; a pooler takes no such options.
            own = f"-c statement_timeout={seconds}s"
            params["options"] = f"{own} {params.get('options', '')}".strip()
        return params

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        made = super().get_new_connection(conn_params)
        made.is_pooled = self.is_pooled
        return made
