"""A table for spreadsheets: a row per span, and one per query that was not found."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from stgr.io.formats.gathering import Gathered, located
from stgr.io.formats.known_videos import KnownVideos
from stgr.structures.video_answers import QuerySpan, VideoAnswers

COLUMNS = ('video', 'query', 'found', 'score', 'start_sec', 'end_sec')


def write(videos: Sequence[VideoAnswers], known: KnownVideos) -> bytes:
    """Return the table, UTF-8: seconds with all their digits, ``found`` yes or no, no boxes."""
    del known
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(COLUMNS)
    for answers in videos:
        for answer in answers.queries:
            start = [answers.video, answer.query]
            for span in answer.spans:
                table.writerow([*start, 'yes', _cell(span.score), span.start_sec, span.end_sec])
            if not answer.found:
                table.writerow([*start, 'no', _cell(answer.score), '', ''])
    return text.getvalue().encode()


def _cell(score: float | None) -> str:
    return '' if score is None else repr(score)


def read(path: Path, known: KnownVideos) -> list[VideoAnswers]:
    """Read a table; further columns are ignored, ``score`` may be missing or empty.

    Raises:
        ValueError: If a column is missing or a cell is wrong; file and line are named.
    """
    try:
        text = path.read_text('utf-8-sig')
    except UnicodeDecodeError as error:
        raise ValueError(f'{path}: expected UTF-8 text, but byte {error.start} is not') from error
    table = csv.DictReader(io.StringIO(text, newline=''))
    missing = [name for name in COLUMNS if name not in (table.fieldnames or ()) and name != 'score']
    if missing:
        raise ValueError(f'{path}:1: no column {", ".join(missing)}; expected {", ".join(COLUMNS)}')
    videos: dict[str, Gathered] = {}
    for row in table:
        with located(f'{path}:{table.line_num}'):
            _read_row({name: (row.get(name) or '').strip() for name in COLUMNS}, videos)
    return [known.complete(gathered.answers()) for gathered in videos.values()]


def _read_row(row: dict[str, str], videos: dict[str, Gathered]) -> None:
    if not row['video']:
        raise ValueError('a row names no video')
    gathered = videos.setdefault(row['video'], Gathered(VideoAnswers(row['video'], ())))
    score = _number(row, 'score') if row['score'] else None
    if row['found'] == 'no':
        gathered.score(row['query'], score)
    elif row['found'] == 'yes':
        span = QuerySpan(_number(row, 'start_sec'), _number(row, 'end_sec'), score)
        gathered.add(row['query'], span)
    else:
        raise ValueError(f'found must be yes or no, but is {row["found"]!r}')


def _number(row: dict[str, str], name: str) -> float:
    try:
        return float(row[name])
    except ValueError as error:
        raise ValueError(f'{name} must be a number, but is {row[name]!r}') from error
