"""The doors for people: model hub, Grounder, training and testing.

Nothing is imported until it is used, so that a command can say which package is missing.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stgr.apis.grounder import Grounder

__all__ = ['Grounder']


def __getattr__(name: str) -> Any:
    """Import the public class on first use."""
    if name != 'Grounder':
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    from stgr.apis.grounder import Grounder

    return Grounder
