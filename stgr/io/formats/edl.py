"""Edit decision list (CMX 3600): a cut per span, in order of time, for editing programs.

Source timecode counts the frames of the video from 00:00:00:00, record timecode puts the cuts one
behind the other. The query stands in a comment of its event and as a marker (``LOC``). Events have
three digits, so a list holds 999. Queries that were not found are comments at the end. No boxes.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from stgr.io.formats.gathering import Gathered, located
from stgr.io.formats.known_videos import KnownVideos
from stgr.io.formats.timecode import drops_frames, from_timecode, known_rate, to_timecode
from stgr.structures.video_answers import QuerySpan, VideoAnswers

MAX_EVENTS = 999
_QUERY, _NOT_FOUND, _RATE, _CLIP = 'QUERY:', 'NOT FOUND:', 'FRAME RATE:', 'FROM CLIP NAME:'
_CODE = r'(\d\d:\d\d:\d\d[:;]\d\d)'
_EVENT = re.compile(rf'\d+\s+\S+\s+\S+\s+C\s+{_CODE}\s+{_CODE}\s+{_CODE}\s+{_CODE}\s*$')


def write(videos: Sequence[VideoAnswers], known: KnownVideos) -> bytes:
    """Return the list of one video.

    Raises:
        ValueError: If its rate is none of film and television and no other is given, or there are
            more than 999 spans.
    """
    (answers,) = videos
    fps = known_rate(known.clock(answers).fps)
    clock = replace(known, fps=fps).clock(answers) if known.fps else known.clock(answers)
    cuts = sorted(
        (*clock.frames(span.start_sec, span.end_sec), answer.query)
        for answer in answers.queries
        for span in answer.spans
    )
    if len(cuts) > MAX_EVENTS:
        raise ValueError(f'{answers.video}: {len(cuts)} spans; an EDL holds {MAX_EVENTS}')
    count = 'DROP FRAME' if drops_frames(fps) else 'NON-DROP FRAME'
    name = answers.video.replace('\\', '/').rsplit('/', 1)[-1]
    lines = [f'TITLE: {answers.video_id}', f'FCM: {count}', '']
    record = 0
    for number, (first, stop, query) in enumerate(cuts, 1):
        after = record + stop - first
        codes = ' '.join(to_timecode(frame, fps) for frame in (first, stop, record, after))
        lines += [
            f'{number:03d}  AX       V     C        {codes}',
            f'* {_CLIP} {name}',
            f'* {_QUERY} {query}',
            f'* LOC: {to_timecode(record, fps).replace(";", ":")} RED {query}',
        ]
        record = after
    lines += [f'* {_NOT_FOUND} {query}' for query in answers.not_found]
    lines.append(f'* {_RATE} {round(fps, 3):g}')  # readers take comments only behind an event
    return ('\n'.join(lines) + '\n').encode(errors='backslashreplace')


def read(path: Path, known: KnownVideos) -> list[VideoAnswers]:
    """Read the cuts of one video; the source side counts, the record side is left aside.

    The query of an event is our comment, or that of its marker. The rate is the one given, or noted
    in the file, or that of the video if it is one of film and television.

    Raises:
        ValueError: If there is no rate, an event is malformed or names no query; the line is named.
    """
    lines = path.read_text('utf-8-sig', errors='replace').splitlines()
    comments = [line.removeprefix('*').strip() for line in lines if line.startswith('*')]
    clip = next((text.removeprefix(_CLIP) for text in comments if text.startswith(_CLIP)), '')
    gathered = Gathered(VideoAnswers(clip.strip() or known.name_of(path), ()))
    fps = _rate(comments, gathered.facts, known, path)
    drop = any(re.match(r'FCM:\s*DROP', line) for line in lines)
    pending: tuple[int, int, int] | None = None
    for number, line in enumerate(lines, 1):
        with located(f'{path}:{number}'):
            if re.match(r'\d{3,}\s', line):
                _check_named(pending, path)
                pending = (*_frames(line, fps, drop=drop), number)
            query = _query(line)
            if query and pending is not None:
                gathered.add(query, QuerySpan(pending[0] / fps, pending[1] / fps))
                pending = None
            if line.startswith(f'* {_NOT_FOUND}'):
                gathered.ask(line.split(_NOT_FOUND, 1)[1])
    _check_named(pending, path)
    return [known.complete(gathered.answers())]


def _rate(comments: list[str], facts: VideoAnswers, known: KnownVideos, path: Path) -> float:
    noted = next((text.removeprefix(_RATE) for text in comments if text.startswith(_RATE)), None)
    fps = known.fps or (noted.strip() if noted else known.complete(facts).fps)
    if fps is None:
        raise ValueError(f'{path} does not say its frame rate; give it with --fps')
    with located(str(path)):
        return known_rate(float(fps))


def _frames(line: str, fps: float, *, drop: bool) -> tuple[int, int]:
    event = _EVENT.match(line)
    if event is None:
        raise ValueError(f'expected a cut with four timecodes, but got {line.strip()!r}')
    first, stop = (from_timecode(event[i], fps, drop=drop or ';' in event[i]) for i in (1, 2))
    return first, stop


def _query(line: str) -> str:
    """Return what a line says about the event above it, if anything."""
    text = line.removeprefix('*').strip()
    if text.startswith(_QUERY):
        return text.removeprefix(_QUERY).strip()
    marker = re.match(rf'LOC:\s+{_CODE}\s+\S+\s+(.+)', text)
    return marker[2].strip() if marker else ''


def _check_named(pending: tuple[int, int, int] | None, path: Path) -> None:
    if pending is not None:
        raise ValueError(
            f'{path}:{pending[2]}: the event has no "* {_QUERY} ..." and no marker that says what '
            'happens'
        )
