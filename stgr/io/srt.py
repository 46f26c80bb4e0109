"""Read subtitle files (SubRip, ``.srt``), from a folder or straight from a packed archive."""

import re
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

_TIME = r'(\d{1,4}):([0-5]\d):([0-5]\d)[,.](\d{3})'
_TIMES = re.compile(rf'{_TIME}\s*-->\s*{_TIME}')
SUFFIX = '.srt'
# Subtitles of hours have some 100 kB; what is much larger is not one and is not read into memory.
MAX_FILE_BYTES = 1 << 24
MAX_ARCHIVE_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class Subtitle:
    """One entry of a subtitle file.

    Args:
        start_ms: When it begins, whole milliseconds, >= 0.
        end_ms: When it ends; files made by hand have entries that end before they begin.
        text: Its lines, joined by blanks, not empty.
        line: Where its times stand in the file, from 1.
    """

    start_ms: int
    end_ms: int
    text: str
    line: int


def read_srt_files(path: Path) -> dict[str, list[Subtitle]]:
    """Return the subtitles of every ``<name>.srt`` by name, sorted by name.

    Args:
        path: A folder, or a tar archive (packed or not), which is read without being unpacked to
            the disk; folders in it do not matter.

    Raises:
        FileNotFoundError: If there is no such folder or archive, or no ``.srt`` file in it.
        ValueError: If a file is malformed (file and line are named), larger than
            ``MAX_FILE_BYTES``, or there twice, or if the archive is damaged.
    """
    found: dict[str, list[Subtitle]] = {}
    for where, file_name, content in _contents(path):
        name = file_name.removesuffix(SUFFIX)
        if name in found:
            raise ValueError(f'{path} holds {name}{SUFFIX} twice; keep one')
        found[name] = parse_srt(content, where=where)
    if not found:
        raise FileNotFoundError(f'{path} holds no {SUFFIX} file')
    return dict(sorted(found.items()))


def parse_srt(content: bytes, *, where: str) -> list[Subtitle]:
    """Return the entries of a subtitle file in the order of the file.

    Args:
        content: Bytes of the file: UTF-8, with or without a byte order mark, any line ends.
        where: How to call it in an error.

    Raises:
        ValueError: If it is not UTF-8, or an entry lacks its number, times or text.
    """
    try:
        lines = content.decode('utf-8-sig').replace('\r\n', '\n').replace('\r', '\n').split('\n')
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b'\n') + 1
        raise ValueError(f'{where}:{line}: expected UTF-8 text, but a byte is not') from error
    stripped = [line.strip() for line in lines]
    entries, at = [], 0
    while at < len(stripped):
        if not stripped[at]:
            at += 1
            continue
        end = next((i for i in range(at, len(stripped)) if not stripped[i]), len(stripped))
        entries.append(_entry(stripped[at:end], at + 1, where))
        at = end
    return entries


def _entry(lines: list[str], first: int, where: str) -> Subtitle:
    """Return the entry made of the lines between two blank ones."""
    if not lines[0].isdecimal():
        raise ValueError(f'{where}:{first}: expected the number of an entry, got {lines[0]!r:.60}')
    times = _TIMES.match(lines[1]) if len(lines) > 1 else None
    if times is None:
        got = repr(lines[1])[:60] if len(lines) > 1 else 'nothing'
        raise ValueError(
            f'{where}:{first + 1}: expected "00:00:01,000 --> 00:00:02,500", got {got}'
        )
    if len(lines) < 3:
        raise ValueError(f'{where}:{first + 2}: entry {lines[0]} has no text')
    parts = [int(part) for part in times.groups()]
    return Subtitle(_ms(parts[:4]), _ms(parts[4:]), ' '.join(lines[2:]), first + 1)


def _ms(parts: list[int]) -> int:
    hours, minutes, seconds, ms = parts
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + ms


def _contents(path: Path) -> Iterator[tuple[str, str, bytes]]:
    """Yield of every subtitle file how to call it in errors, its name and its bytes."""
    if path.is_dir():
        for file in sorted(path.rglob(f'*{SUFFIX}')):
            _check_size(str(file), file.stat().st_size, MAX_FILE_BYTES)
            yield str(file), file.name, file.read_bytes()
        return
    if not path.is_file():
        raise FileNotFoundError(f'no folder or archive of subtitles {path}')
    try:
        with tarfile.open(path) as archive:
            total = 0
            for member in archive:
                total += member.size
                _check_size(str(path), total, MAX_ARCHIVE_BYTES)
                if member.isfile() and member.name.endswith(SUFFIX):
                    where = f'{path}:{member.name}'
                    _check_size(where, member.size, MAX_FILE_BYTES)
                    content = archive.extractfile(member).read()  # type: ignore[union-attr]
                    yield where, PurePosixPath(member.name).name, content
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise ValueError(f'{path} is a damaged archive or none: {error}') from error


def _check_size(where: str, size: int, limit: int) -> None:
    if size > limit:
        raise ValueError(f'{where} holds {size} bytes; subtitles have at most {limit}')
