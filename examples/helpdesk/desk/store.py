"""Where the desk keeps its records: one JSON file per table, in one folder.

Every change is written at once, through a temporary file, so that a killed server leaves either
the old table or the new one. A fresh copy of the folder is a reset.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Record = dict[str, Any]

TABLES = (
    "customers",
    "orders",
    "tickets",
    "returns",
    "approvals",
    "refunds",
    "agents",
    "articles",
    "stock",
)


class DeskError(Exception):
    """The desk will not do this. ``code`` is for programs, ``message`` for whoever called."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class Store:
    """The tables of one desk, loaded whole.

    Args:
        folder: holds ``<table>.json`` for each table (a list of records) and ``desk.json``
            (``{"today": "YYYY-MM-DD", "verified": [customer_id, …]}``).

    Raises:
        FileNotFoundError: a table is missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tables: dict[str, list[Record]] = {name: self._read(name) for name in TABLES}
        self.desk: Record = self._read("desk")

    @property
    def today(self) -> str:
        """The date the desk believes it is, so that every run sees the same world."""
        return str(self.desk["today"])

    def rows(self, table: str) -> list[Record]:
        return self.tables[table]

    def find(self, table: str, key: str, value: str) -> Record | None:
        return next((row for row in self.tables[table] if row[key] == value), None)

    def add(self, table: str, record: Record) -> Record:
        self.tables[table].append(record)
        self.save(table)
        return record

    def save(self, table: str) -> None:
        """Write one table (or ``desk``) back to its file."""
        content = self.desk if table == "desk" else self.tables[table]
        target = self.folder / f"{table}.json"
        draft = target.with_suffix(".tmp")
        draft.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")
        draft.replace(target)

    def next_number(self, table: str, key: str) -> int:
        """The number after the highest one in use at the end of a table's ids."""
        numbers = (int(str(row[key]).rpartition("-")[2]) for row in self.tables[table])
        return max(numbers, default=0) + 1

    def _read(self, name: str) -> Any:
        return json.loads((self.folder / f"{name}.json").read_text("utf-8"))
