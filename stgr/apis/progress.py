"""Progress bars with time left, on a terminal only."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from stgr.apis.progress_lines import lines


def bar(what: str) -> Callable[[Iterable[Any], int], Iterable[Any]]:
    """Return a wrapper of iterables that shows how far they have come.

    Args:
        what: What is being done, shown before the bar.

    Returns:
        A function of an iterable and its length; it shows nothing where standard error is no
        terminal.
    """
    from tqdm import tqdm

    def wrap(items: Iterable[Any], total: int) -> Iterable[Any]:
        shown: Iterable[Any] = tqdm(items, total=total, desc=what, disable=None, leave=False)
        return shown

    return wrap


def bar_or_lines(what: str) -> Callable[[Iterable[Any], int], Iterable[Any]]:
    """Return ``bar`` where standard error is a terminal, else lines with the time left."""
    if sys.stderr.isatty():
        return bar(what)
    return lines(what, lambda line: print(line, file=sys.stderr, flush=True))  # noqa: T201


@contextmanager
def byte_bar(what: str, total: int) -> Iterator[Callable[[int], object]]:
    """Yield a function that is told how many more bytes are done; shown as ``bar`` is.

    Args:
        what: What is being done.
        total: Bytes in all.
    """
    from tqdm import tqdm

    with tqdm(
        total=total, desc=what, unit='B', unit_scale=True, disable=None, leave=False
    ) as shown:
        yield shown.update
