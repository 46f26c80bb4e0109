"""Look through a pickle without running it, for what Python's own reader does not survive."""

import pickletools
from dataclasses import dataclass
from typing import Any

# Plain data nests a few tuples; Python's hash of one inside the other needs stack for each.
MAX_DEPTH = 1000
# Its hash walks through every part as often as it is referred to: twenty tuples of two references
# to the one before have a million parts. None may have so many times more than the file has bytes.
MAX_GROWTH = 8
_FROM_MEMO = {'GET', 'BINGET', 'LONG_BINGET'}
_INTO_MEMO = {'PUT', 'BINPUT', 'LONG_BINPUT'}
_TUPLES = {'TUPLE', 'TUPLE1', 'TUPLE2', 'TUPLE3'}
_MARK = pickletools.markobject


def scan_pickle(content: bytes) -> None:
    """Raise unless a pickle is whole and safe to hand to ``pickle.Unpickler``.

    Not checked here: which names it asks for. Checked, because a few bytes are enough: a memo
    entry numbered 2**27 makes Python 3.11 fill 2 GB, a dict key of a million nested tuples overruns
    the stack, which ends the process, and one of forty tuples that each hold the one before twice
    takes hours to hash.

    Args:
        content: The bytes of the file.

    Raises:
        ValueError: If the bytes are not one whole pickle, or one of these.
    """
    tuples = _TupleSizes(MAX_GROWTH * len(content))
    end = 0
    for opcode, argument, at in pickletools.genops(content):
        position = at or 0
        name = opcode.name
        if name.startswith('EXT'):
            raise ValueError(f'byte {position}: it refers to a registry of extensions')
        if name in _INTO_MEMO and int(argument or 0) > len(content):
            raise ValueError(f'byte {position}: memo entry {argument} of a file this small')
        tuples.follow(opcode, argument)
        end = position + 1
    if end < len(content):
        raise ValueError(f'{len(content) - end} bytes follow its end')


@dataclass(frozen=True, slots=True)
class _Size:
    """How deep the tuples of a value are nested, and how many parts a walk through it meets."""

    depth: int
    parts: int


_FLAT = _Size(0, 1)  # all but tuples; what hashes a frozenset keeps the result


class _TupleSizes:
    """Sizes of the tuples at each place of the reader's stack; None is a mark.

    Args:
        max_parts: More parts in one tuple are refused.
    """

    def __init__(self, max_parts: int) -> None:
        self.max_parts = max_parts
        self.stack: list[_Size | None] = []
        self.memo: dict[int, _Size] = {}

    def follow(self, opcode: pickletools.OpcodeInfo, argument: Any) -> None:
        """Do to the sizes what an opcode does to the stack."""
        name = opcode.name
        if name in _INTO_MEMO or name == 'MEMOIZE':
            self.memo[argument if name in _INTO_MEMO else len(self.memo)] = self._top()
        elif name in _FROM_MEMO:
            self.stack.append(self.memo.get(argument, _FLAT))
        elif name == 'DUP':
            self.stack.append(self._top())
        elif name == 'MARK':
            self.stack.append(None)
        else:
            taken = self._pop(opcode)
            size = self._tuple_of(taken) if name in _TUPLES else _FLAT
            self.stack += [size] * len(opcode.stack_after)

    def _tuple_of(self, parts: list[_Size]) -> _Size:
        size = _Size(
            1 + max((part.depth for part in parts), default=0),
            1 + sum(part.parts for part in parts),
        )
        if size.depth > MAX_DEPTH:
            raise ValueError(f'its tuples are nested more than {MAX_DEPTH} deep')
        if size.parts > self.max_parts:
            raise ValueError('its tuples repeat their parts without end')
        return size

    def _top(self) -> _Size:
        top = self.stack[-1] if self.stack else None
        if top is None:
            raise ValueError('it takes from an empty stack')
        return top

    def _pop(self, opcode: pickletools.OpcodeInfo) -> list[_Size]:
        """Remove what an opcode takes, and return it."""
        before = list(opcode.stack_before)
        taken: list[_Size] = []
        if _MARK in before:
            while (size := self._pop_one()) is not None:
                taken.append(size)
            before = before[: before.index(_MARK)]
        elif opcode.name == 'POP' and self.stack and self.stack[-1] is None:
            self.stack.pop()
            return taken
        return taken + [self._pop_one() or _FLAT for _ in before]

    def _pop_one(self) -> _Size | None:
        if not self.stack:
            raise ValueError('it takes from an empty stack')
        return self.stack.pop()
