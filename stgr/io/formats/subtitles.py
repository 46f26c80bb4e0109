"""Subtitles (SubRip and WebVTT): a cue per span with the query as its text, in milliseconds.

Cues may overlap. Neither holds boxes or scores. WebVTT says what was not found in a comment
(``NOTE not found: ...``); SubRip has no comments, there such a query is lost;
its players may also take ``<...>`` within a query for a tag.
"""

import html
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from stgr.io.formats.gathering import Gathered, located
from stgr.io.formats.known_videos import KnownVideos
from stgr.io.srt import parse_srt
from stgr.structures.video_answers import QuerySpan, VideoAnswers

NOT_FOUND = 'NOTE not found: '
_VTT_TIME = r'(?:(\d+):)?([0-5]\d):([0-5]\d)\.(\d{3})'
_VTT_TIMES = re.compile(rf'{_VTT_TIME}\s+-->\s+{_VTT_TIME}')


def write_srt(videos: Sequence[VideoAnswers], known: KnownVideos) -> bytes:
    """Return the SubRip file of one video."""
    del known
    (answers,) = videos
    cues = [
        f'{number}\n{_time(start, ",")} --> {_time(end, ",")}\n{query}\n'
        for number, (start, end, query) in enumerate(_cues(answers), 1)
    ]
    return '\n'.join(cues).encode()


def write_vtt(videos: Sequence[VideoAnswers], known: KnownVideos) -> bytes:
    """Return the WebVTT file of one video."""
    del known
    (answers,) = videos
    notes = [f'{NOT_FOUND}{_escaped(query)}\n' for query in answers.not_found]
    cues = [
        f'{_time(start, ".")} --> {_time(end, ".")}\n{_escaped(query)}\n'
        for start, end, query in _cues(answers)
    ]
    return '\n'.join(['WEBVTT\n', *notes, *cues]).encode()


def _cues(answers: VideoAnswers) -> list[tuple[int, int, str]]:
    """Return start and end in milliseconds and text of each cue, in order of time."""
    cues = []
    for answer in answers.queries:
        for span in answer.spans:
            start = round(span.start_sec * 1000)
            cues.append((start, max(round(span.end_sec * 1000), start + 1), answer.query))
    return sorted(cues)


def _time(ms: int, mark: str) -> str:
    seconds, ms = divmod(ms, 1000)
    return f'{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{mark}{ms:03d}'


def _escaped(text: str) -> str:
    return html.escape(text, quote=False)


def read_srt(path: Path, known: KnownVideos) -> list[VideoAnswers]:
    """Read the steps of one video from a SubRip file; the text of a cue is the action.

    Raises:
        ValueError: If the file is malformed (the line is named) or a cue ends before it begins.
    """
    gathered = Gathered(VideoAnswers(known.name_of(path), ()))
    for entry in parse_srt(path.read_bytes(), where=str(path)):
        _add(gathered, entry.start_ms, entry.end_ms, entry.text, f'{path}:{entry.line}')
    return [known.complete(gathered.answers())]


def read_vtt(path: Path, known: KnownVideos) -> list[VideoAnswers]:
    """Read the steps of one video from a WebVTT file; tags within the text are left out.

    Raises:
        ValueError: If the file does not begin with ``WEBVTT``, has a block that is no cue, or a cue
            ends before it begins.
    """
    try:
        text = path.read_text('utf-8-sig')
    except UnicodeDecodeError as error:
        raise ValueError(f'{path}: expected UTF-8 text, but byte {error.start} is not') from error
    blocks = list(_blocks(text))
    if not blocks or not blocks[0][1][0].startswith('WEBVTT'):
        raise ValueError(f'{path}:1: a WebVTT file begins with WEBVTT')
    gathered = Gathered(VideoAnswers(known.name_of(path), ()))
    for first, lines in blocks[1:]:
        if lines[0].startswith(NOT_FOUND):
            gathered.ask(html.unescape(lines[0].removeprefix(NOT_FOUND)))
        if lines[0].split(' ')[0] in ('NOTE', 'STYLE', 'REGION'):
            continue
        at = 0 if '-->' in lines[0] else 1  # a cue may begin with its name
        times = _VTT_TIMES.match(lines[at]) if len(lines) > at else None
        where = f'{path}:{first + at}'
        if times is None or len(lines) == at + 1:
            raise ValueError(f'{where}: expected "00:01.000 --> 00:02.500" and a line of text')
        parts = [int(part or 0) for part in times.groups()]
        words = re.sub(r'<[^>]*>', '', ' '.join(lines[at + 1 :]))
        _add(gathered, _ms(parts[:4]), _ms(parts[4:]), html.unescape(words), where)
    return [known.complete(gathered.answers())]


def _blocks(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the lines between blank ones, with the number of the first."""
    lines = text.replace('\r\n', '\n').replace('\r', '\n').split('\n')
    block: list[str] = []
    for number, line in enumerate([*lines, ''], 1):
        if line.strip():
            block.append(line.strip())
        elif block:
            yield number - len(block), block
            block = []


def _ms(parts: list[int]) -> int:
    hours, minutes, seconds, ms = parts
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + ms


def _add(gathered: Gathered, start_ms: int, end_ms: int, text: str, where: str) -> None:
    with located(where):
        gathered.add(text, QuerySpan(start_ms / 1000, end_ms / 1000))
