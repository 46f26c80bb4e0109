"""NumPy arrays of a pickle, rebuilt from checked facts instead of by NumPy's own functions.

NumPy sets an array's type and flags from the file as they come: made-up ones reach memory that is
not the array's. Here a type is a kind, a size and a byte order, and the bytes must fill the shape.
"""

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np

# Booleans, integers, floats, complex numbers, bytes and text; no objects, no structures.
_PLAIN = re.compile(r'[<>|=]?([?biufcSU]\d{0,9})')
_LATIN1 = ('latin1', 'latin-1')


def array_makers(spend: Callable[[int], None]) -> dict[str, Callable[..., Any]]:
    """Return what stands in for NumPy's functions in a pickle.

    Args:
        spend: Called with the number of bytes of each array; raises if there are too many.
    """

    def empty(kind: object, *_shape_and_type: object) -> PickledArray:
        return np.empty(0).view(PickledArray)._paid_by(spend)

    def scalar(dtype: object, content: bytes | str) -> Any:
        plain = _plain_dtype(dtype)
        raw = _raw(content)
        if plain.itemsize != len(raw):
            raise ValueError(f'a scalar of {plain} has {len(raw)} bytes')
        spend(len(raw))
        return np.frombuffer(raw, plain)[0] if len(raw) else plain.type()

    return {
        'array_type': array_type,
        'dtype': PickledDtype,
        'empty': empty,
        'encode': encode,
        'no_bytes': lambda: b'',  # what Python 3 calls for Python 2 when an array is empty
        'scalar': scalar,
    }


def array_type(*_: object) -> None:
    """Refuse to be called: a pickle only passes ``numpy.ndarray`` to ``_reconstruct``."""
    raise TypeError('numpy.ndarray is not called in a pickle')


def encode(text: str, encoding: str) -> bytes:
    """Return the bytes that Python 3 wrote as text for a reader of Python 2."""
    if encoding not in _LATIN1:
        raise ValueError(f'bytes are written as latin1, not as {encoding!r}')
    return _raw(text)


class PickledDtype:
    """The type of an array, from the code a pickle gives and the byte order it sets.

    Args:
        code: Such as ``f8``, ``i4``, ``b1`` or ``S3``.
    """

    __slots__ = ('_code', '_order')

    def __init__(self, code: str | bytes, *_align_and_copy: object) -> None:
        text = code.decode('latin1') if isinstance(code, bytes) else str(code)
        found = _PLAIN.fullmatch(text)
        if found is None:
            raise ValueError(f'arrays of type {text!r} are not plain numbers or text')
        self._code, self._order = found.group(1), '='

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """Take the byte order; what else a state may tell belongs to structures."""
        order = state[1].decode('latin1') if isinstance(state[1], bytes) else state[1]
        if order not in ('<', '>', '|', '=') or any(part is not None for part in state[2:5]):
            raise ValueError('arrays of structures are not plain numbers or text')
        self._order = order

    def plain(self) -> np.dtype[Any]:
        """Return NumPy's type."""
        return np.dtype(self._order + self._code)


class PickledArray(np.ndarray):
    """An array of a pickle, in this machine's byte order: empty until its state has come."""

    def _paid_by(self, spend: Callable[[int], None]) -> 'PickledArray':
        self._spend = spend
        return self

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """Take shape, type and bytes."""
        _version, shape, dtype, column_major, content = state
        plain, raw = _plain_dtype(dtype), _raw(content)
        sides = [side for side in shape if type(side) is int and side >= 0]
        if plain.itemsize == 0:
            raise ValueError('an array of things without size could be of any length')
        if len(sides) != len(shape) or math.prod(sides) * plain.itemsize != len(raw):
            raise ValueError(f'{len(raw)} bytes do not fill an array {tuple(shape)} of {plain}')
        self._spend(len(raw))
        del self._spend
        super().__setstate__((1, tuple(sides), plain, bool(column_major), raw))  # type: ignore[arg-type]


def _plain_dtype(dtype: object) -> np.dtype[Any]:
    if not isinstance(dtype, PickledDtype):
        raise TypeError(f'an array needs a type, not a {type(dtype).__name__}')
    return dtype.plain()


def _raw(content: object) -> bytes:
    """Return bytes; Python 2 had one type for them and for text, read as latin1."""
    if isinstance(content, str):
        return content.encode('latin1')
    if not isinstance(content, bytes):
        raise TypeError(f'an array needs bytes, not a {type(content).__name__}')
    return content
