"""A cache of one process, bounded by bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Kept(Generic[K, V]):
    """The values used most recently, by any thread; past ``most`` bytes the oldest go.

    ``size`` gives the bytes of a value. A name must determine its value: one that is kept is never
    asked for again, so nothing that may change belongs here.
    """

    def __init__(self, most: int, *, size: Callable[[V], int]) -> None:
        self._most, self._size, self._held = most, size, 0
        self._values: OrderedDict[K, V] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, name: K) -> V | None:
        with self._lock:
            value = self._values.get(name)
            if value is not None:
                self._values.move_to_end(name)
            return value

    def put(self, name: K, value: V) -> None:
        # A value of over a quarter would evict many others.
        if self._size(value) > self._most // 4:
            return
        with self._lock:
            known = self._values.pop(name, None)
            self._values[name] = value
            self._held += self._size(value) - (0 if known is None else self._size(known))
            while self._held > self._most:
                _, oldest = self._values.popitem(last=False)
                self._held -= self._size(oldest)
