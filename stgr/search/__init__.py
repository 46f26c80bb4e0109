"""Search a library of videos: an index of its frames, and the best moments of a query.

Example:
    >>> from stgr.search import SearchIndex, build_index
    >>> build_index('my_videos', 'stgr_index')  # doctest: +SKIP
    >>> with SearchIndex.open('stgr_index') as index:  # doctest: +SKIP
    ...     (answer,) = index.search(['pour batter'], top=5)
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stgr.search.answers import Moment, Place, SearchAnswer
    from stgr.search.building import IndexReport, build_index
    from stgr.search.search_index import SearchIndex

_HOMES = {
    'IndexReport': 'building',
    'Moment': 'answers',
    'Place': 'answers',
    'SearchAnswer': 'answers',
    'SearchIndex': 'search_index',
    'build_index': 'building',
}

__all__ = ['IndexReport', 'Moment', 'Place', 'SearchAnswer', 'SearchIndex', 'build_index']


def __getattr__(name: str) -> Any:
    """Import a public name from its module on first use."""
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return getattr(import_module(f'{__name__}.{_HOMES[name]}'), name)
