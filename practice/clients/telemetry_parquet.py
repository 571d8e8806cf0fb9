"""Rows of a Parquet file, in batches, where the optional pyarrow is installed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from importlib import import_module
from itertools import chain, repeat
from typing import Any

from practice.clients.telemetry_columns import UnreadableTelemetry

MAGIC = b"PAR1"
ROWS_CAP = 20_000_000
_BATCH = 5_000
_PIECE = 16 << 20
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
        compute = import_module("pyarrow.compute")
    except ImportError as error:
        raise UnreadableTelemetry(_WITHOUT.format(name)) from error
    try:
        file = parquet.ParquetFile(arrow.BufferReader(data))
        about = file.metadata
        size = sum(about.row_group(n).total_byte_size for n in range(about.num_row_groups))
        if size > cap or about.num_rows > ROWS_CAP or about.num_columns > _COLUMNS_CAP:
            raise _too_much(name, cap)
        done = taken = 0
        for table in _tables(arrow, parquet, compute, data, file.schema_arrow):
            columns = [_values(arrow.types, column) for column in table.columns]
            taken += sum(len(value) for column in columns for value in column if type(value) is str)
            if taken > cap:
                raise _too_much(name, cap)
            for row in zip(*columns, strict=True) if columns else repeat((), table.num_rows):
                yield done / about.num_rows, dict(zip(table.column_names, row, strict=True))
                done += 1
    except UnreadableTelemetry:
        raise
    except (arrow.ArrowException, OSError, ValueError) as error:  # names that are no UTF-8
        said = " ".join(str(error).split())[:200]
        raise UnreadableTelemetry(
            f"{name} is cut off or damaged ({said}): a Parquet file can only be read whole"
        ) from error


def _tables(arrow: Any, parquet: Any, compute: Any, data: bytes, schema: Any) -> Iterator[Any]:
    """Some rows at a time, no more than fit ``_PIECE`` as Python's own values.

    A text that comes again in every row stands in the file once, and a few kilobytes of it could be
    gigabytes as rows: texts are kept as they are there, and lists and the like are left out.
    """
    kinds = arrow.types
    flat = [field.name for field in schema if not kinds.is_nested(field.type)]
    texts = [field.name for field in schema if _is_text(kinds, field.type)]
    file = parquet.ParquetFile(arrow.BufferReader(data), read_dictionary=texts)
    for batch in file.iter_batches(batch_size=_BATCH, columns=flat):
        # Nanoseconds have no Python type of their own.
        own = arrow.schema(
            field.with_type(arrow.timestamp("us", field.type.tz))
            if kinds.is_timestamp(field.type)
            else field
            for field in batch.schema
        )
        longest = (
            compute.max(compute.binary_length(column.dictionary)).as_py() or 0
            for column in batch.columns
            if kinds.is_dictionary(column.type) and _is_text(kinds, column.type.value_type)
        )
        step = max(1, min(_BATCH, _PIECE // max(sum(longest), 1)))
        table = arrow.Table.from_batches([batch]).cast(own, safe=False)
        for first in range(0, batch.num_rows, step):
            yield table.slice(first, step)


def _is_text(kinds: Any, kind: Any) -> bool:
    return bool(kinds.is_string(kind) or kinds.is_large_string(kind) or kinds.is_binary(kind))


def _too_much(name: str, cap: int) -> UnreadableTelemetry:
    return UnreadableTelemetry(f"{name} unpacks to more than {cap >> 20} MB: split it by time")


def _values(kinds: Any, column: Any) -> list[Any]:
    """The values of a column. Arrow makes an object of each before Python does: not of most."""
    return list(chain.from_iterable(_of(kinds, chunk) for chunk in column.chunks))


def _of(kinds: Any, array: Any) -> list[Any]:
    kind = array.type
    if kinds.is_dictionary(kind) and not array.null_count:
        known = _of(kinds, array.dictionary)
        return [known[place] for place in array.indices.to_numpy().tolist()]
    if (kinds.is_floating(kind) or kinds.is_integer(kind)) and not array.null_count:
        values: list[Any] = array.to_numpy(zero_copy_only=False).tolist()
        return values
    return [_plain(value) for value in array.to_pylist()]


def _plain(value: Any) -> Any:
    """What JSON has a word for; a time with its zone, in UTC where it names none."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
