"""Running database work for an event loop: a few threads, each with one connection it keeps.

A thread per call would open a connection per call, and PostgreSQL runs out of them under load.
The pool is the bound: this process never holds more connections than it has threads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from django.db import close_old_connections

THREADS = 8

Params = ParamSpec("Params")
Result = TypeVar("Result")

_pool = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="mcp")


async def in_thread(
    function: Callable[Params, Result], *args: Params.args, **kwargs: Params.kwargs
) -> Result:
    """Run ``function`` in the pool; it starts and ends without a stale connection."""

    def work() -> Result:
        close_old_connections()
        try:
            return function(*args, **kwargs)
        finally:
            close_old_connections()

    return await asyncio.get_running_loop().run_in_executor(_pool, work)
