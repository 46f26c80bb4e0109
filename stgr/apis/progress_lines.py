"""Progress for log files: a line now and then, with the time left."""

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Any


def lines(
    what: str, say: Callable[[str], None], *, every_sec: float = 60.0
) -> Callable[[Iterable[Any], int], Iterable[Any]]:
    """Return a wrapper of iterables that tells how far they have come.

    Args:
        what: What is being done, at the start of each line.
        say: Called with a line.
        every_sec: Seconds between two lines at least; there is none before they are over.
    """

    def wrap(items: Iterable[Any], total: int) -> Iterator[Any]:
        start = last = time.monotonic()
        for done, item in enumerate(items):
            now = time.monotonic()
            if done and now - last >= every_sec:
                last = now
                left_sec = (now - start) / done * (total - done)
                say(f'{what}: {done} of {total}, {timedelta(seconds=round(left_sec))} left')
            yield item

    return wrap
