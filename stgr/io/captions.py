"""Read what is said in narrated videos from HowTo100M's caption files."""

import json
import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COLUMNS = ('start', 'end', 'text')
# Enough to find the fault in the file without drowning the terminal.
PROBLEMS_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Caption:
    """One line of a narration.

    Args:
        start_sec: When it begins, in seconds of the presentation clock, >= 0.
        end_sec: When it ends, > ``start_sec``; it may lie past the end of the video.
        text: What is said, stripped; may be empty.
    """

    start_sec: float
    end_sec: float
    text: str


def read_captions(path: str | Path) -> dict[str, list[Caption]]:
    """Read a caption file: the captions of each video, in the order of the file.

    The format is HowTo100M's ``raw_caption.json``:
    ``{video_id: {"start": [sec], "end": [sec], "text": [str]}}``. Unusable rows (times that are
    not finite numbers, negative or with ``end <= start``, texts that are not strings) are skipped
    and reported by one warning that counts them and names video and row (from 0) of the first.

    Args:
        path: The JSON file, UTF-8.

    Returns:
        Captions by video; a video all of whose rows are unusable has an empty list.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not JSON or not a mapping of videos.
    """
    entries = _load_json(Path(path))
    problems: list[str] = []
    captions: dict[str, list[Caption]] = {}
    while entries:  # taken out one by one, so that the file is not held twice
        video_id, entry = entries.popitem()
        captions[video_id] = list(_read_rows(video_id, entry, problems))
    captions = dict(reversed(captions.items()))
    if problems:
        _warn(path, problems, kept=sum(len(rows) for rows in captions.values()))
    return captions


def _load_json(path: Path) -> dict[str, Any]:
    text = path.read_bytes()
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError) as error:  # ValueError: bad JSON and bad UTF-8 alike
        raise ValueError(f'{path}: a caption file must be JSON in UTF-8, but {error}') from error
    if not isinstance(entries, dict):
        raise ValueError(
            f'{path}: a caption file maps video ids to {{"start", "end", "text"}}, '
            f'but holds a {type(entries).__name__}'
        )
    return entries


def _read_rows(video_id: str, entry: object, problems: list[str]) -> Iterator[Caption]:
    if not isinstance(entry, dict) or not all(isinstance(entry.get(c), list) for c in COLUMNS):
        problems.append(f'video {video_id!r} needs the lists "start", "end" and "text"')
        return
    starts, ends, texts = (entry[column] for column in COLUMNS)
    if not len(starts) == len(ends) == len(texts):
        problems.append(
            f'video {video_id!r} has {len(starts)} starts, {len(ends)} ends, {len(texts)} texts, '
            'so its rows cannot be told apart'
        )
        return
    for row, (start, end, text) in enumerate(zip(starts, ends, texts, strict=True)):
        fault = _fault(start, end, text)
        if fault is None:
            yield Caption(float(start), float(end), text.strip())
        else:
            problems.append(f'video {video_id!r} row {row}: {fault}')


def _fault(start: object, end: object, text: object) -> str | None:
    """Return what makes a row unusable, None if it is sound."""
    if not _is_time(start) or not _is_time(end):
        return f'start {_shorten(start)} and end {_shorten(end)} must be finite seconds >= 0'
    if end <= start:  # type: ignore[operator]
        return f'end {end} is not after start {start}'
    if not isinstance(text, str):
        return f'text must be a string, but is {_shorten(text)}'
    return None


def _is_time(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value) and value >= 0
    except OverflowError:  # an integer beyond any float
        return False


def _shorten(value: object) -> str:
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # integers beyond Python's limit of digits
        text = type(value).__name__
    return text if len(text) <= 40 else f'{text[:37]}...'


def _warn(path: str | Path, problems: list[str], *, kept: int) -> None:
    shown = '; '.join(problems[:PROBLEMS_SHOWN])
    more = '; ...' if len(problems) > PROBLEMS_SHOWN else ''
    warnings.warn(
        f'{path}: {len(problems)} unusable caption rows or videos skipped, {kept} rows kept: '
        f'{shown}{more}',
        stacklevel=3,
    )
