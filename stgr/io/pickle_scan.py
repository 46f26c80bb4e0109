"""Look through a pickle without running it, for what Python's own reader does not survive."""

import pickletools
from typing import Any

# Plain data nests a few tuples; Python's hash of one inside the other needs stack for each.
MAX_DEPTH = 1000
_FROM_MEMO = {'GET', 'BINGET', 'LONG_BINGET'}
_INTO_MEMO = {'PUT', 'BINPUT', 'LONG_BINPUT'}
_TUPLES = {'TUPLE', 'TUPLE1', 'TUPLE2', 'TUPLE3'}
_MARK = pickletools.markobject


def scan_pickle(content: bytes) -> None:
    """Raise unless a pickle is whole and safe to hand to ``pickle.Unpickler``.

    Not checked here: which names it asks for. Checked, because a few bytes are enough: a memo
    entry numbered 2**27 makes Python 3.11 fill 2 GB, and a dict key of a million nested tuples
    overruns the stack, which ends the process.

    Args:
        content: The bytes of the file.

    Raises:
        ValueError: If the bytes are not one whole pickle, or one of these.
    """
    depths = _TupleDepths()
    end = 0
    for opcode, argument, at in pickletools.genops(content):
        position = at or 0
        name = opcode.name
        if name.startswith('EXT'):
            raise ValueError(f'byte {position}: it refers to a registry of extensions')
        if name in _INTO_MEMO and int(argument or 0) > len(content):
            raise ValueError(f'byte {position}: memo entry {argument} of a file this small')
        depths.follow(opcode, argument)
        end = position + 1
    if end < len(content):
        raise ValueError(f'{len(content) - end} bytes follow its end')


class _TupleDepths:
    """How deep tuples are nested at each place of the reader's stack; None is a mark."""

    def __init__(self) -> None:
        self.stack: list[int | None] = []
        self.memo: dict[int, int] = {}

    def follow(self, opcode: pickletools.OpcodeInfo, argument: Any) -> None:
        """Do to the depths what an opcode does to the stack."""
        name = opcode.name
        if name in _INTO_MEMO or name == 'MEMOIZE':
            self.memo[argument if name in _INTO_MEMO else len(self.memo)] = self._top()
        elif name in _FROM_MEMO:
            self.stack.append(self.memo.get(argument, 0))
        elif name == 'DUP':
            self.stack.append(self._top())
        elif name == 'MARK':
            self.stack.append(None)
        else:
            deepest = self._pop(opcode)
            depth = deepest + 1 if name in _TUPLES else 0
            if depth > MAX_DEPTH:
                raise ValueError(f'its tuples are nested more than {MAX_DEPTH} deep')
            self.stack += [depth] * len(opcode.stack_after)

    def _top(self) -> int:
        top = self.stack[-1] if self.stack else None
        if top is None:
            raise ValueError('it takes from an empty stack')
        return top

    def _pop(self, opcode: pickletools.OpcodeInfo) -> int:
        """Remove what an opcode takes, return the deepest of it."""
        before = list(opcode.stack_before)
        taken = [0]
        if _MARK in before:
            while (depth := self._pop_one()) is not None:
                taken.append(depth)
            before = before[: before.index(_MARK)]
        elif opcode.name == 'POP' and self.stack and self.stack[-1] is None:
            self.stack.pop()
            return 0
        taken += [self._pop_one() or 0 for _ in before]
        return max(taken)

    def _pop_one(self) -> int | None:
        if not self.stack:
            raise ValueError('it takes from an empty stack')
        return self.stack.pop()
