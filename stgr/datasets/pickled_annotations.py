"""Annotations that are published as pickles, read like JSON: errors say which file and field."""

from pathlib import Path
from typing import Any

import numpy as np

from stgr.io.checked_json import JsonNode
from stgr.io.restricted_pickle import read_pickle


def read_pickled(path: Path) -> JsonNode:
    """Return the document of a pickle of plain data and arrays; nothing in it is run.

    Arrays, tuples and sets become lists, so that the document is what JSON could hold. Strings of
    Python 2 are read as Latin-1.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged or asks for more than plain data.
    """
    return JsonNode(_plain(read_pickle(path, encoding='latin1', arrays=True)), f'{path}:')


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return value.decode('latin1') if isinstance(value, bytes) else value
