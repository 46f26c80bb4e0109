"""Progress bars with time left, on a terminal only."""

from collections.abc import Callable, Iterable
from typing import Any


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
