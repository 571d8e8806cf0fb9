"""Rows of a Parquet file, in batches, where the optional pyarrow is installed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from importlib import import_module
from typing import Any

from practice.clients.telemetry_columns import UnreadableTelemetry

MAGIC = b"PAR1"
ROWS_CAP = 20_000_000
_BATCH = 5_000
_COLUMNS_CAP = 200
_WITHOUT = (
    "{} is Parquet, which needs the extra `parquet` (pip install 'greenroom[parquet]'): "
    "ask who runs this installation for it, or send CSV"
)


def rows(data: bytes, name: str, cap: int) -> Iterator[tuple[float, dict[str, Any]]]:
    """Each row with the share of the file that was read before it. Times come as ISO 8601.

    Raises:
        UnreadableTelemetry: pyarrow is not installed; the file is cut off or damaged; it unpacks to
            more than ``cap`` bytes.
    """
    try:
        arrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError as error:
        raise UnreadableTelemetry(_WITHOUT.format(name)) from error
    try:
        file = parquet.ParquetFile(arrow.BufferReader(data))
        about = file.metadata
        size = sum(about.row_group(n).total_byte_size for n in range(about.num_row_groups))
        if size > cap or about.num_rows > ROWS_CAP or about.num_columns > _COLUMNS_CAP:
            raise UnreadableTelemetry(
                f"{name} unpacks to more than {cap >> 20} MB: split it by time"
            )
        # Nanoseconds have no Python type of their own.
        schema = arrow.schema(
            field.with_type(arrow.timestamp("us", field.type.tz))
            if arrow.types.is_timestamp(field.type)
            else field
            for field in file.schema_arrow
        )
        done = 0
        for batch in file.iter_batches(batch_size=_BATCH):
            table = arrow.Table.from_batches([batch]).cast(schema, safe=False)
            for row in table.to_pylist():
                yield done / about.num_rows, {key: _plain(value) for key, value in row.items()}
                done += 1
    except UnreadableTelemetry:
        raise
    except (arrow.ArrowException, OSError, ValueError) as error:  # names that are no UTF-8
        said = " ".join(str(error).split())[:200]
        raise UnreadableTelemetry(
            f"{name} is cut off or damaged ({said}): a Parquet file can only be read whole"
        ) from error


def _plain(value: Any) -> Any:
    """What JSON has a word for; a time with its zone, in UTC where it names none."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
