"""In which order a serving process answers: first come, first served, two at a time.

Threads of one Python process run in turn, and which one is next is left to chance. With a thread
for each request, one request in a hundred waits four times as long as most. So two are worked on at
a time and the others wait in line. One that takes longer than a moment is itself waiting for
something, such as the database or a slow sender, and holds up nobody.

When all threads wait, for a database that hangs perhaps, the line stands still. Who asks whether
the process is alive does not stand in it.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

AT_ONCE = 2
#: seconds of work after which a request is no longer taken for one that keeps the processor busy.
MOMENT = 0.02
#: threads besides, for what does not stand in line: one for each kind.
ASIDE = 2


class Turns(ThreadPoolExecutor):
    """A pool of threads whose waiting work keeps its order.

    One thread calls ``submit``, and ``let_on`` after as many seconds as ``held_up`` says.
    """

    def __init__(self, threads: int) -> None:
        super().__init__(max_workers=threads + ASIDE)
        self._threads_most = threads
        self._line: deque[tuple[Future[Any], Callable[[], Any]]] = deque()
        #: when each thread that is at work began what it works on.
        self._begun: dict[int, float] = {}
        #: threads that were called and have not looked into the line yet.
        self._called = 0
        self._aside: set[object] = set()
        self._lock = threading.Lock()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        with self._lock:
            self._line.append((future, lambda: fn(*args, **kwargs)))
        self.let_on()
        return future

    def submit_aside(
        self, kind: object, fn: Callable[..., Any], /, *args: Any, **kwargs: Any
    ) -> Future[Any]:
        """Work at it whoever is in line, unless something of this kind went aside already."""
        with self._lock:
            is_first = kind not in self._aside and len(self._aside) < ASIDE
            if is_first:
                self._aside.add(kind)
        if not is_first:
            return self.submit(fn, *args, **kwargs)
        future = super().submit(fn, *args, **kwargs)
        future.add_done_callback(lambda _: self._back(kind))
        return future

    def _back(self, kind: object) -> None:
        with self._lock:
            self._aside.discard(kind)

    def let_on(self) -> None:
        """Call as many threads as there is room for among those at work."""
        with self._lock:
            now = time.monotonic()
            free = self._threads_most - len(self._begun) - self._called
            room = AT_ONCE - self._at_work(now) - self._called
            call = max(0, min(free, room, len(self._line) - self._called))
            self._called += call
        for _ in range(call):
            super().submit(self._work)

    def held_up(self) -> float | None:
        """Seconds after which the line may go on by itself; ``None`` where nobody waits."""
        with self._lock:
            if not self._line or len(self._begun) + self._called >= self._threads_most:
                return None
            now = time.monotonic()
            until = [begun + MOMENT - now for begun in self._begun.values()]
            return min((left for left in until if left > 0), default=MOMENT)

    def _at_work(self, now: float) -> int:
        return sum(now - begun < MOMENT for begun in self._begun.values())

    def _work(self) -> None:
        """Work through the line, unless others do by the time one piece is done."""
        me = threading.get_ident()
        with self._lock:
            self._called -= 1
        while True:
            with self._lock:
                self._begun.pop(me, None)
                now = time.monotonic()
                if not self._line or self._at_work(now) >= AT_ONCE:
                    return
                future, work = self._line.popleft()
                self._begun[me] = now
            if future.set_running_or_notify_cancel():
                _settle(future, work)


def _settle(future: Future[Any], work: Callable[[], Any]) -> None:
    try:
        result = work()
    except BaseException as error:  # as any pool: it is for whoever asks the future
        future.set_exception(error)
    else:
        future.set_result(result)
