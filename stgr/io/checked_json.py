"""JSON that a stranger may have edited: every error says which file and which field."""

import json
import math
import sys
from pathlib import Path
from typing import Any, NoReturn

import numpy as np


class JsonNode:
    """A value of a JSON document that knows where it stands.

    Args:
        value: What ``json`` made of it.
        where: How to call it in an error, such as ``result.json: queries[2].spans``.
    """

    def __init__(self, value: Any, where: str) -> None:
        self.value = value
        self.where = where

    def __getitem__(self, key: str) -> 'JsonNode':
        """Return a field of an object, which must be there."""
        if not isinstance(self.value, dict):
            self._refuse('an object')
        separator = ' ' if self.where.endswith(':') else '.'
        if key not in self.value:
            raise ValueError(f'{self.where}{separator}{key} is missing')
        return JsonNode(self.value[key], f'{self.where}{separator}{key}')

    def names(self) -> list[str]:
        """Return the names of the fields of an object."""
        return list(self.value) if isinstance(self.value, dict) else self._refuse('an object')

    def identity(self) -> int | str:
        """Return a whole number or string, which names something."""
        if isinstance(self.value, bool) or not isinstance(self.value, int | str):
            self._refuse('a whole number or a string')
        return self.value

    def items(self) -> list['JsonNode']:
        """Return the elements of a list."""
        if not isinstance(self.value, list):
            self._refuse('a list')
        return [JsonNode(value, f'{self.where}[{i}]') for i, value in enumerate(self.value)]

    def text(self) -> str:
        """Return a string."""
        return self.value if isinstance(self.value, str) else self._refuse('a string')

    def number(self) -> float:
        """Return a finite number."""
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            self._refuse('a number')
        if not abs(self.value) <= sys.float_info.max:  # 1e999 reads as infinity
            self._refuse('a finite number')
        return float(self.value)

    def integer(self) -> int:
        """Return a whole number."""
        if isinstance(self.value, bool) or not isinstance(self.value, int):
            self._refuse('a whole number')
        return int(self.value)

    def flag(self) -> bool:
        """Return true or false."""
        return self.value if isinstance(self.value, bool) else self._refuse('true or false')

    def array(self, dtype: str, *, columns: int | None = None) -> np.ndarray:
        """Return a list of numbers (N,), or of rows of ``columns`` numbers (N, columns)."""
        rows = 'numbers' if columns is None else f'rows of {columns} numbers'
        try:
            found = np.array(self.value if isinstance(self.value, list) else [None])
        except ValueError:
            self._refuse(f'a list of {rows}')
        shape = (len(found),) if columns is None else (len(found), columns)
        if found.dtype.kind not in 'iuf' or (len(found) and found.shape != shape):
            self._refuse(f'a list of {rows}')
        with np.errstate(over='ignore'):  # too large for the type: infinite, and refused below
            array = found.reshape(shape).astype(dtype)
        return array if np.isfinite(array).all() else self._refuse(f'a list of finite {rows}')

    def _refuse(self, expected: str) -> NoReturn:
        shown = json.dumps(self.value)
        shown = shown if len(shown) <= 60 else shown[:57] + '...'
        raise ValueError(f'{self.where} must be {expected}, but got {shown}')


def read_json(path: Path) -> JsonNode:
    """Return the document of a file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not UTF-8 or not JSON (file and line are named), or holds NaN or a
            field twice.
    """
    try:
        value = json.loads(path.read_text('utf-8'), **strict_hooks(f'{path}:'))
    except UnicodeDecodeError as error:
        raise ValueError(f'{path}: expected UTF-8 text, but byte {error.start} is not') from error
    except json.JSONDecodeError as error:
        raise ValueError(
            f'{path}:{error.lineno}: broken JSON at column {error.colno}: {error.msg}'
        ) from error
    except RecursionError as error:
        raise ValueError(f'{path}: nested too deeply to be a result') from error
    except ValueError as error:
        raise named_error(error, f'{path}:') from error
    return JsonNode(value, f'{path}:')


def named_error(error: ValueError, where: str) -> ValueError:
    """Return an error that begins with its place; Python's own (integers too long) does not."""
    message = str(error)
    return ValueError(message if message.startswith(where) else f'{where} {message}')


def strict_hooks(where: str) -> dict[str, Any]:
    """Return arguments for ``json.loads`` that refuse what JSON does not define.

    NaN and infinities are no JSON values; of a field that is given twice one would be lost.

    Args:
        where: Put before the message of the ``ValueError``.
    """

    def refuse_constant(name: str) -> NoReturn:
        raise ValueError(f'{where} {name} is not a JSON value; numbers must be finite')

    def refuse_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f'{where} {twice!r} is given twice in one object')
        return found

    return {'parse_constant': refuse_constant, 'object_pairs_hook': refuse_repeats}


def format_json(value: Any, *, indent: int = 0) -> str:
    """Return JSON to be read by people: objects over lines, lists of numbers on one line.

    Args:
        value: Dicts, lists and scalars; numbers must be finite (see :func:`check_finite`).
        indent: Columns the value is already indented by.
    """
    pad, outer = ' ' * (indent + 2), ' ' * indent
    if isinstance(value, dict) and value:
        lines = [
            f'{pad}{json.dumps(key)}: {format_json(item, indent=indent + 2)}'
            for key, item in value.items()
        ]
        return '{\n' + ',\n'.join(lines) + f'\n{outer}}}'
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        lines = [pad + format_json(item, indent=indent + 2) for item in value]
        return '[\n' + ',\n'.join(lines) + f'\n{outer}]'
    return json.dumps(value, allow_nan=False)


def check_finite(value: Any, where: str) -> None:
    """Raise ``ValueError`` naming the first number that is NaN or infinite."""
    if isinstance(value, dict):
        for key, item in value.items():
            check_finite(item, f'{where}.{key}')
    elif isinstance(value, list):
        for i, item in enumerate(value):
            check_finite(item, f'{where}[{i}]')
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f'{where} is {value}; a result holds finite numbers only')
