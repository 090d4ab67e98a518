"""Files read ahead and written behind, while a network computes."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")

PENDING = 4
"""Calls that wait at most; each holds its arguments in memory."""


def read_ahead(read: Callable[[Item], Made], items: Iterable[Item]) -> Iterator[Made]:
    """As `map(read, items)`, but a thread reads the next item while the caller uses one."""
    with ThreadPoolExecutor(1) as pool:
        coming: deque[Future[Made]] = deque()
        for item in items:
            coming.append(pool.submit(read, item))
            if len(coming) > 1:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()


@contextmanager
def written_behind() -> Iterator[Callable[..., None]]:
    """Gives `later(write, *arguments)`, which lets two threads call `write`.

    The context ends when all is written. What a call raises is raised by a later one or at the end.
    """
    with ThreadPoolExecutor(2) as pool:
        pending: deque[Future[None]] = deque()

        def later(write: Callable[..., None], *arguments: object) -> None:
            while len(pending) >= PENDING:
                pending.popleft().result()
            pending.append(pool.submit(write, *arguments))

        yield later
        for call in pending:
            call.result()
