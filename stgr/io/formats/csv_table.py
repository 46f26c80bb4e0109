"""A table for spreadsheets: a row per span, and one per query that was not found."""

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from stgr.io.formats.gathering import Gathered, located
from stgr.io.formats.known_videos import KnownVideos
from stgr.structures.video_answers import QuerySpan, VideoAnswers

COLUMNS = ('video', 'query', 'found', 'score', 'start_sec', 'end_sec')
PROBABILITY_COLUMNS = ('query_probability', 'span_probability')  # of calibrated models
_ALL = (*COLUMNS, *PROBABILITY_COLUMNS)
_MAY_MISS = ('score', *PROBABILITY_COLUMNS)


def write(videos: Sequence[VideoAnswers], known: KnownVideos) -> bytes:
    """Return the table, UTF-8: seconds with all their digits, ``found`` yes or no, no boxes.

    With the columns of probabilities if any is known.
    """
    del known
    rows = [row for answers in videos for row in _rows(answers)]
    calibrated = any(cell for row in rows for cell in row[len(COLUMNS) :])
    columns = _ALL if calibrated else COLUMNS
    text = io.StringIO()
    csv.writer(text).writerows([columns, *(row[: len(columns)] for row in rows)])
    return text.getvalue().encode(errors='backslashreplace')  # names of files may be no text


def _rows(answers: VideoAnswers) -> Iterator[list[str]]:
    for answer in answers.queries:
        start, probable = [answers.video, answer.query], _cell(answer.probability)
        for span in answer.spans:
            times = _cell(span.start_sec), _cell(span.end_sec)
            yield [*start, 'yes', _cell(span.score), *times, probable, _cell(span.probability)]
        if not answer.found:
            yield [*start, 'no', _cell(answer.score), '', '', probable, '']


def _cell(number: float | None) -> str:
    return '' if number is None else repr(float(number))


def read(path: Path, known: KnownVideos) -> list[VideoAnswers]:
    """Read a table; further columns are ignored, scores and probabilities may be missing or empty.

    Raises:
        ValueError: If a column is missing or a cell is wrong; file and line are named.
    """
    try:
        text = path.read_text('utf-8-sig')
    except UnicodeDecodeError as error:
        raise ValueError(f'{path}: expected UTF-8 text, but byte {error.start} is not') from error
    table = csv.DictReader(io.StringIO(text, newline=''))
    try:
        found = _read_rows(table, path)
    except csv.Error as error:
        raise ValueError(
            f'{path}:{table.line_num + 1}: broken table ({error}); is a quote not closed?'
        ) from error
    return [known.complete(gathered.answers()) for gathered in found]


def _read_rows(table: 'csv.DictReader[str]', path: Path) -> list[Gathered]:
    missing = {*COLUMNS} - {*(table.fieldnames or ()), *_MAY_MISS}
    if missing:
        names = [name for name in COLUMNS if name in missing]
        raise ValueError(f'{path}:1: no column {", ".join(names)}; expected {", ".join(COLUMNS)}')
    videos: dict[str, Gathered] = {}
    for row in table:
        with located(f'{path}:{table.line_num}'):
            _read_row({name: (row.get(name) or '').strip() for name in _ALL}, videos)
    return list(videos.values())


def _read_row(row: dict[str, str], videos: dict[str, Gathered]) -> None:
    if not row['video']:
        raise ValueError('a row names no video')
    gathered = videos.setdefault(row['video'], Gathered(VideoAnswers(row['video'], ())))
    score, of_query, of_span = (_number(row, name) if row[name] else None for name in _MAY_MISS)
    if row['found'] == 'no':
        gathered.score(row['query'], score, of_query)
    elif row['found'] == 'yes':
        start, end = _number(row, 'start_sec'), _number(row, 'end_sec')
        gathered.add(row['query'], QuerySpan(start, end, score, probability=of_span))
        if of_query is not None:
            gathered.score(row['query'], None, of_query)
    else:
        raise ValueError(f'found must be yes or no, but is {row["found"]!r}')


def _number(row: dict[str, str], name: str) -> float:
    try:
        return float(row[name])
    except ValueError as error:
        raise ValueError(f'{name} must be a number, but is {row[name]!r}') from error
