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
        return params

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        made = super().get_new_connection(conn_params)
        made.is_pooled = self.is_pooled
        return made

    def init_connection_state(self) -> None:
        super().init_connection_state()
        seconds = postgres.statement_seconds()
        if not seconds or self.is_pooled:
            return
        # Not with the connection itself: some proxies refuse all options. What the address, the
        # role or the database says goes before.
        with self.connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('statement_timeout', %s, false)"
                " WHERE current_setting('statement_timeout') = '0'",
                [f"{seconds}s"],
            )
        if not self.get_autocommit():
            self.connection.commit()
