"""Class indices that know which list they index: MiningYouTube has two, in different orders."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from stgr.structures import BACKGROUND_NAME


@dataclass(frozen=True)
class ClassOrder:
    """The names of the classes in one order; two orders of the same names are never equal.

    Args:
        title: What the order is called in errors.
        names: The classes, all different, background among them.

    Raises:
        ValueError: If a name comes twice or there is no background.
    """

    title: str
    names: tuple[str, ...]
    _index: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        index = {name: i for i, name in enumerate(self.names)}
        if len(index) < len(self.names):
            twice = next(name for i, name in enumerate(self.names) if index[name] != i)
            raise ValueError(f'{self.title} names {twice!r} twice')
        if BACKGROUND_NAME not in index:
            raise ValueError(f'{self.title} has no class {BACKGROUND_NAME!r}')
        object.__setattr__(self, '_index', index)

    def __len__(self) -> int:
        return len(self.names)

    def __contains__(self, name: object) -> bool:
        return name in self._index

    @property
    def background(self) -> int:
        """Index of background."""
        return self._index[BACKGROUND_NAME]

    def index_of(self, name: str) -> int:
        """Return the index of a class.

        Raises:
            ValueError: If there is none of that name; near ones are listed.
        """
        if name not in self._index:
            near = difflib.get_close_matches(name, self.names, n=3)
            hint = f'; near ones are {", ".join(near)}' if near else ''
            raise ValueError(f'{self.title} has no class {name!r}{hint}')
        return self._index[name]

    def labels(self, names: Sequence[str]) -> 'ClassLabels':
        """Return the indices of named classes, see ``index_of``."""
        return ClassLabels(self, np.array([self.index_of(name) for name in names], np.int64))


@dataclass(frozen=True, eq=False)
class ClassLabels:
    """Class indices together with the order that they index.

    They do not turn into an array by themselves: ``in_order`` hands the indices over to whoever
    says which order is meant, and refuses if it is the other one.

    Args:
        order: What is indexed.
        indices: (N,) int64, in 0 .. len(order) - 1.

    Raises:
        ValueError: If an index lies outside of the order.
    """

    order: ClassOrder
    indices: np.ndarray

    def __post_init__(self) -> None:
        if ((self.indices < 0) | (self.indices >= len(self.order))).any():
            raise ValueError(
                f'{self.order.title} has classes 0..{len(self.order) - 1}, '
                f'got {self.indices.min()}..{self.indices.max()}'
            )

    def __len__(self) -> int:
        return len(self.indices)

    def __array__(self, *_: object, **__: object) -> np.ndarray:
        raise TypeError('class indices have an order: say labels.in_order(order)')

    @property
    def names(self) -> list[str]:
        """Names of the classes, in the spelling of the order."""
        return [self.order.names[i] for i in self.indices]

    def in_order(self, order: ClassOrder) -> np.ndarray:
        """Return the indices, (N,) int64.

        Raises:
            ValueError: If they index another order; ``to`` translates.
        """
        if order != self.order:
            raise ValueError(
                f'these indices are those of {self.order.title}, not of {order.title}; '
                'translate them with labels.to(order)'
            )
        return self.indices

    def to(self, order: ClassOrder) -> 'ClassLabels':
        """Return the same classes as indices of another order, by name."""
        return order.labels(self.names)


def read_class_list(path: Path) -> ClassOrder:
    """Read ``weakYouTube_dict.txt``: one name per line, the index is the line's, from 0.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a line is blank or background is not the last one.
    """
    names = read_lines(path)
    if '' in names:
        raise ValueError(f'{path}:{names.index("") + 1}: a class has no name')
    if names[-1] != BACKGROUND_NAME:
        raise ValueError(
            f'{path}: expected {BACKGROUND_NAME!r} in the last line, got {names[-1]!r}'
        )
    return ClassOrder(f'the class list {path.name}', tuple(names))


def read_mapping(path: Path) -> ClassOrder:
    """Read ``mapping_without_meta.txt``: an index and a name per line, another order.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a line is not that (file and line are named), or the indices are not
            0, 1, ... each once.
    """
    names: dict[int, str] = {}
    lines = read_lines(path)
    for number, line in enumerate(lines, 1):
        parts = line.split()
        if len(parts) != 2 or not parts[0].isdecimal():
            raise ValueError(f'{path}:{number}: expected "index name", got {line!r:.60}')
        if int(parts[0]) in names or int(parts[0]) >= len(lines):
            raise ValueError(f'{path}:{number}: index {parts[0]} comes twice or leaves a gap')
        names[int(parts[0])] = parts[1]
    return ClassOrder(f'the mapping {path.name}', tuple(names[i] for i in range(len(names))))


def read_lines(path: Path) -> list[str]:
    """Return the lines of a text file without outer blanks and without the empty end.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not UTF-8 or empty.
    """
    try:
        text = path.read_text('utf-8-sig')
    except UnicodeDecodeError as error:
        raise ValueError(f'{path}: expected UTF-8 text, but byte {error.start} is not') from error
    if not text.strip():
        raise ValueError(f'{path} is empty')
    return [line.strip() for line in text.rstrip().splitlines()]
