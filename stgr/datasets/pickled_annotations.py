"""Annotations that are published as pickles, read like JSON: errors say which file and field."""

from pathlib import Path
from typing import Any

import numpy as np

from stgr.io.checked_json import JsonNode
from stgr.io.restricted_pickle import Budget, read_pickle

# A pickle names an object once and refers to it again in two bytes; lists that are made anew for
# each reference may be so many times as large as the file.
GROWTH = 8


def read_pickled(path: Path) -> JsonNode:
    """Return the document of a pickle of plain data and arrays; nothing in it is run.

    Arrays, tuples and sets become lists, so that the document is what JSON could hold. Strings of
    Python 2 are read as Latin-1.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged, asks for more than plain data, or repeats or holds its own
            parts so often that the lists would not fit into memory.
    """
    content = read_pickle(path, encoding='latin1', arrays=True)
    try:
        plain = _plain(content, Budget(GROWTH * path.stat().st_size))
    except RecursionError as error:
        raise ValueError(f'{path}: its lists are nested too deeply') from error
    except ValueError as error:
        raise ValueError(f'{path}: {error}') from error
    return JsonNode(plain, f'{path}:')


def _plain(value: Any, budget: Budget) -> Any:
    budget.spend(1)
    if isinstance(value, dict):
        return {_plain(key, budget): _plain(item, budget) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist(), budget)
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item, budget) for item in value]
    return value.decode('latin1') if isinstance(value, bytes) else value
