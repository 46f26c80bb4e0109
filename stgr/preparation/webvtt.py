"""Read WebVTT: cues, notes to skip, and the times of words that YouTube writes between them."""

import re
from collections import Counter
from collections.abc import Iterator

from stgr.preparation.cues import Cue, Subtitles, until_next

HEADER = 'WEBVTT'
_TIME = r'(?:(\d{1,4}):)?([0-5]\d):([0-5]\d)[.,](\d{3})'
_TIMES = re.compile(rf'\s*{_TIME}\s+-->\s+{_TIME}(?:\s.*)?')
_WORD_TIME = re.compile(rf'<{_TIME}>')
_TAG = re.compile(r'<[^<>]{0,200}>')


def read_webvtt(text: str, *, where: str) -> Subtitles:
    """Return the cues of a WebVTT file.

    A cue without readable times is counted as skipped. Rolling lines are left in: see
    ``drop_rolling_lines``.

    Args:
        text: The file's text.
        where: How to call it in an error.

    Raises:
        ValueError: If it does not begin with ``WEBVTT``.
    """
    if not text.lstrip().startswith(HEADER):
        raise ValueError(f'{where}: a WebVTT file begins with {HEADER}')
    cues: list[Cue] = []
    skipped: Counter[str] = Counter()
    for lines in _blocks(text):
        at = next((i for i, line in enumerate(lines[:2]) if '-->' in line), None)
        if at is None:
            continue  # the header, a note, a style or a region
        times = _TIMES.fullmatch(lines[at])
        if times is None:
            skipped['unreadable times'] += 1
            continue
        start_sec, end_sec = _seconds(times.groups()[:4]), _seconds(times.groups()[4:])
        cues.append(_cue(start_sec, end_sec, lines[at + 1 :]))
    return Subtitles(tuple(cues), skipped)


def _blocks(text: str) -> Iterator[list[str]]:
    """Yield the lines between empty ones; a line of blanks is not empty, YouTube writes such."""
    block: list[str] = []
    for line in [*text.split('\n'), '']:
        if line:
            block.append(line)
        elif block:
            yield block
            block = []


def _cue(start_sec: float, end_sec: float, lines: list[str]) -> Cue:
    plain = '\n'.join(_TAG.sub('', line) for line in lines)
    starts = [pair for line in lines if _WORD_TIME.search(line) for pair in _timed(line, start_sec)]
    return Cue(start_sec, end_sec, plain, until_next(starts, end_sec))


def _timed(line: str, start_sec: float) -> Iterator[tuple[float, str]]:
    """Yield the words of a line with times between them, and when each begins."""
    at, time_sec = 0, start_sec
    for mark in [*_WORD_TIME.finditer(line), None]:
        piece = line[at : None if mark is None else mark.start()]
        yield from ((time_sec, word) for word in _TAG.sub('', piece).split())
        if mark is not None:
            at, time_sec = mark.end(), _seconds(mark.groups())


def _seconds(parts: tuple[str | None, ...]) -> float:
    hours, minutes, seconds, ms = (int(part or 0) for part in parts)
    return (((hours * 60 + minutes) * 60 + seconds) * 1000 + ms) / 1000
