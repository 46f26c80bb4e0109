"""Read the pickles that some data sets are published as, and run nothing that is in them."""

import io
import pickle
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NoReturn

from stgr.io.pickle_scan import scan_pickle

# Larger than any annotation file we know; larger ones are not read into memory.
MAX_BYTES = 1 << 28
_SETS = {
    (module, name) for module in ('builtins', '__builtin__') for name in ('set', 'frozenset')
}  # Python 2 called the module __builtin__
_CORES = ('numpy.core.multiarray', 'numpy._core.multiarray')  # before and since NumPy 2
_ARRAYS = {
    **{(core, '_reconstruct'): 'empty' for core in _CORES},
    **{(core, 'scalar'): 'scalar' for core in _CORES},
    ('numpy', 'ndarray'): 'array_type',
    ('numpy', 'dtype'): 'dtype',
    ('_codecs', 'encode'): 'encode',
    ('builtins', 'bytes'): 'no_bytes',
    ('__builtin__', 'bytes'): 'no_bytes',
}


def read_pickle(path: str | Path, *, encoding: str = 'ASCII', arrays: bool = False) -> Any:
    """Return the plain data of a pickle: numbers, strings, lists, tuples, dicts and sets.

    A pickle is a program. This reader knows no other name than ``set`` and ``frozenset`` of the
    builtins, so that nothing is imported, called or built beyond plain data. A file cannot make
    more than its own size deserves: what would take memory or the interpreter's stack out of
    proportion is refused before anything is built.

    Args:
        path: The file.
        encoding: How strings written by Python 2 are decoded: ``'ASCII'``, ``'latin1'`` (needed
            if there are arrays) or ``'bytes'``.
        arrays: Whether NumPy arrays and scalars of numbers and strings may be in it too; they are
            rebuilt by ``stgr.io.pickled_arrays`` and not by NumPy's own, trusting, functions.

    Returns:
        The data. Arrays are of a subclass of ``numpy.ndarray``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file asks for any other name (it is told), is damaged, or is larger
            than ``MAX_BYTES``.
    """
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(f'no pickle {file}')
    size = file.stat().st_size
    if size > MAX_BYTES:
        raise ValueError(
            f'{file} has {size} bytes; pickles of annotations have at most {MAX_BYTES}'
        )
    content = file.read_bytes()
    try:
        scan_pickle(content)
        return _Reader(content, encoding, arrays).load()
    except _ForbiddenNameError as error:
        raise ValueError(f'{file} {error}') from error
    except UnicodeDecodeError as error:
        raise ValueError(
            f'{file} holds strings of Python 2 that are not {error.encoding}; '
            "give encoding='latin1'"
        ) from error
    except Exception as error:  # damaged bytes make the reader fail in any way
        reason = ' '.join(str(error).split()) or type(error).__name__
        raise ValueError(f'{file} ({size} bytes) is a damaged pickle or none: {reason}') from error


class _ForbiddenNameError(pickle.UnpicklingError):
    """A pickle asks for something that is not plain data."""


class _Reader(pickle.Unpickler):
    """Unpickler that finds nothing but the makers in a closed list."""

    def __init__(self, content: bytes, encoding: str, arrays: bool) -> None:
        super().__init__(io.BytesIO(content), encoding=encoding)
        self._arrays = arrays
        self._budget = Budget(len(content))

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        """Return the maker of a known name; the name of what is refused is in the error."""
        name = (module_name, global_name)
        if name in _SETS:
            kind = set if global_name == 'set' else frozenset
            return Maker(lambda items=(): kind(self._budget.take(items)))
        if self._arrays and name in _ARRAYS:
            from stgr.io.pickled_arrays import array_makers

            return Maker(array_makers(self._budget.spend)[_ARRAYS[name]])
        more = ' (arrays=True would allow it)' if name in _ARRAYS else ''
        raise _ForbiddenNameError(
            f'asks for {module_name}.{global_name}{more}; only plain data is read, '
            'and nothing of it was run'
        )

    def persistent_load(self, pid: Any) -> NoReturn:
        """Refuse references to things outside the file."""
        raise _ForbiddenNameError(
            f'asks for the persistent object {pid!r}; only plain data is read'
        )


class Budget:
    """What copies may be made of: as many items or bytes as the file has bytes.

    A sound file names each item of a set once; one that has the same list made into a set a
    million times would otherwise fill the memory.

    Args:
        size: Bytes of the file.
    """

    def __init__(self, size: int) -> None:
        self.left = size

    def spend(self, count: int) -> None:
        """Take ``count`` items or bytes off the budget."""
        self.left -= count
        if self.left < 0:
            raise ValueError('it copies more than it holds')

    def take(self, items: Iterable[Any]) -> Iterable[Any]:
        """Return items for a set, paid for."""
        if not isinstance(items, list | tuple | set | frozenset):
            raise TypeError(f'a set is made of a list, not of a {type(items).__name__}')
        self.spend(len(items))
        return items


class Maker:
    """A function that a pickle may call and cannot change (its BUILD sets attributes).

    Args:
        make: The function.
    """

    __slots__ = ('_make',)
    _make: Callable[..., Any]

    def __init__(self, make: Callable[..., Any]) -> None:
        object.__setattr__(self, '_make', make)

    def __call__(self, *args: Any) -> Any:
        """Return what the function makes."""
        return self._make(*args)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f'a pickle may not set {name}')
