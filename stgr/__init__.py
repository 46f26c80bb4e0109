"""Spatio-temporal grounding learned from narrated videos, without labels.

The package imports nothing heavy: ``Grounder`` and the rest are found when they are first used, so
``import stgr`` and ``stgr --help`` answer at once.
"""

from typing import Any

__version__ = '0.1.0'
__all__ = ['Grounder', '__version__']


def __getattr__(name: str) -> Any:
    """Import the public classes on first use."""
    if name == 'Grounder':
        from stgr.apis import Grounder

        return Grounder
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
