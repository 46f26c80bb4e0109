"""A JSON object of any size, read entry by entry."""

import codecs
import json
from collections.abc import Iterator
from typing import Any, NoReturn, Protocol

CHUNK_BYTES = 1 << 20
# A number, constant or escape cut off by the end of what was read fails at most this far before it:
# '\ud83d\ude0' is 11 characters, '-Infinit' 8.
CUT_CHARS = 16
_BLANKS = ' \t\n\r'
_DELIMITERS = {*_BLANKS, ',', ':', '}', ']'}


class ByteSource(Protocol):
    """What is read from: a file open for reading bytes, or something like it."""

    def read(self, size: int, /) -> bytes:
        """Return the next ``size`` bytes, fewer at the end, none behind it."""
        ...


def stream_object(
    file: ByteSource, *, name: str, chunk_bytes: int = CHUNK_BYTES
) -> Iterator[tuple[str, Any]]:
    """Yield the keys and values of the object that a JSON file consists of, in its order.

    Only one value and one chunk are held at a time. A key that comes twice is yielded twice.

    Args:
        file: The file, open for reading bytes; UTF-8, with or without byte order mark.
        name: How to call it in an error.
        chunk_bytes: Bytes to read at a time.

    Raises:
        ValueError: If it is not UTF-8, not JSON or not one object; the message has the line and
            the column, both from 1.
    """
    text = _Text(file, name, chunk_bytes)
    text.expect('{', 'an object, beginning with "{"')
    if text.next_char() == '}':
        text.index += 1
        return text.expect_end()
    while True:
        if text.next_char() != '"':
            text.refuse('expected a name in double quotes')
        key = text.value()
        text.expect(':', '":" after a name')
        yield key, text.value()
        if text.next_char() == '}':
            text.index += 1
            return text.expect_end()
        text.expect(',', '"," or "}" after a value')


class _Text:
    """The part of the file that has been read and not yet used, and where it stands."""

    def __init__(self, file: ByteSource, name: str, chunk_bytes: int) -> None:
        self.file, self.name, self.chunk_bytes = file, name, chunk_bytes
        self.held = ''
        self.index = 0
        self.at_end = False
        self._line, self._column = 1, 1  # of the first character held
        self._bytes_read = 0
        self._decode = codecs.getincrementaldecoder('utf-8-sig')().decode
        self._scan = json.JSONDecoder().raw_decode

    def next_char(self) -> str:
        """Skip blanks and return the character after them, '' at the end of the file."""
        while True:
            while self.index < len(self.held):
                if self.held[self.index] not in _BLANKS:
                    return self.held[self.index]
                self.index += 1
            if self.at_end:
                return ''
            self._read(self.chunk_bytes)

    def expect(self, char: str, what: str) -> None:
        """Step over one character."""
        found = self.next_char()
        if found != char:
            self.refuse(f'expected {what}, but ' + (f'got {found!r}' if found else 'it ends here'))
        self.index += 1

    def expect_end(self) -> None:
        """Refuse anything but blanks."""
        if self.next_char():
            self.refuse('expected nothing after the object')

    def value(self) -> Any:
        """Return the next value, and step over it."""
        self.next_char()
        more_bytes = self.chunk_bytes
        while True:
            try:
                value, end = self._scan(self.held, self.index)
            except json.JSONDecodeError as error:
                if self.at_end or not self._is_cut(error):
                    self.refuse(error.msg, at=error.pos, cause=error)
            except (ValueError, RecursionError) as error:  # too many digits, nested too deeply
                self.refuse(str(error), cause=error)
            else:
                if self.at_end or not self._may_go_on(end):
                    self.index = end
                    return value
            self._read(more_bytes)
            more_bytes *= 2  # so that one huge value is not scanned once per chunk

    def refuse(
        self, fault: str, *, at: int | None = None, cause: Exception | None = None
    ) -> NoReturn:
        """Raise with the place of the fault, that of the next character if not told."""
        line, column = self._place(self.index if at is None else at)
        raise ValueError(f'{self.name}:{line}: broken JSON at column {column}: {fault}') from cause

    def _is_cut(self, error: json.JSONDecodeError) -> bool:
        """Return whether more text may mend the error."""
        return error.msg.startswith('Unterminated') or error.pos >= len(self.held) - CUT_CHARS

    def _may_go_on(self, end: int) -> bool:
        """Return whether a value that ends here may be a number cut off, such as ``-12.5e``."""
        return self.held[end : end + 1] not in _DELIMITERS and len(self.held) - end < CUT_CHARS

    def _read(self, num_bytes: int) -> None:
        """Drop what is used, hold more."""
        self._line, self._column = self._place(self.index)
        chunk = self.file.read(num_bytes)
        try:
            more = self._decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            # Bytes of a character cut by the chunk before stand in front of this one's.
            place = self._bytes_read + len(chunk) - len(error.object) + error.start
            raise ValueError(
                f'{self.name}: expected UTF-8 text, but byte {place} is not'
            ) from error
        self._bytes_read += len(chunk)
        self.at_end = not chunk
        self.held, self.index = self.held[self.index :] + more, 0

    def _place(self, index: int) -> tuple[int, int]:
        """Return line and column of a character held, both from 1."""
        lines = self.held.count('\n', 0, index)
        if not lines:
            return self._line, self._column + index
        return self._line + lines, index - self.held.rfind('\n', 0, index)
