"""Read what is said in narrated videos from HowTo100M's caption files."""

import csv
import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from stgr.io.json_stream import ByteSource, stream_object

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


@dataclass
class CaptionProblems:
    """What was skipped while captions were read: counted, the first ones described.

    Args:
        count: How many rows and videos.
        first: One sentence on each of the first ``PROBLEMS_SHOWN``.
    """

    count: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, problem: str) -> None:
        """Count one, and keep it if it is among the first."""
        self.count += 1
        if len(self.first) < PROBLEMS_SHOWN:
            self.first.append(problem)

    def warn(self, path: str | Path, *, kept: int) -> None:
        """Give one warning if anything was skipped."""
        if self.count:
            more = '; ...' if self.count > PROBLEMS_SHOWN else ''
            warnings.warn(
                f'{path}: {self.count} unusable caption rows or videos skipped, {kept} rows kept: '
                f'{"; ".join(self.first)}{more}',
                stacklevel=3,
            )


def read_captions(path: str | Path) -> dict[str, list[Caption]]:
    """Read captions: those of each video, in the order of the file.

    The format is HowTo100M's: either ``raw_caption.json``,
    ``{video_id: {"start": [sec], "end": [sec], "text": [str]}}``, or a folder of files
    ``<video_id>.csv`` with the columns ``start,end,text``, taken in the order of their names.
    Unusable rows (times that are not finite numbers, negative or with ``end <= start``, texts that
    are not strings) and a video's second entry are skipped and reported by one warning that counts
    them and names video and row (from 0) of the first.

    It holds everything; ``open_captions`` holds columns, or maps them from a store.

    Args:
        path: The JSON file, UTF-8, or the folder.

    Returns:
        Captions by video; a video all of whose rows are unusable has an empty list.

    Raises:
        FileNotFoundError: If there is no such file or folder, or no CSV file in it.
        ValueError: If a file is not JSON or CSV in UTF-8 (file and line are named) or the JSON is
            not a mapping of videos.
    """
    problems = CaptionProblems()
    captions = dict(stream_captions(path, problems))
    problems.warn(path, kept=sum(len(rows) for rows in captions.values()))
    return captions


def stream_captions(
    path: str | Path, problems: CaptionProblems, file: ByteSource | None = None
) -> Iterator[tuple[str, list[Caption]]]:
    """Yield one video and its captions after the other, see ``read_captions``.

    Args:
        path: The JSON file or the folder.
        problems: Where what is skipped is counted.
        file: The JSON file if it is open already; None: open it.
    """
    path = Path(path)
    if file is None and not path.exists():
        raise FileNotFoundError(
            f'{path}: no such caption file or folder; put the data set there (docs/datasets.md; '
            'stgr make-tiny-kitchen makes a small one), or set data_root and captions'
        )
    if path.is_dir():
        yield from _stream_csv_folder(path, problems)
    elif file is not None:
        yield from _stream_json(file, path, problems)
    else:
        with path.open('rb') as opened:
            yield from _stream_json(opened, path, problems)


def list_csv_files(folder: Path) -> list[Path]:
    """Return the caption files of a folder, sorted.

    Raises:
        FileNotFoundError: If there is none.
    """
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() == '.csv')
    if not files:
        raise FileNotFoundError(f'{folder}: no caption file <video_id>.csv in this folder')
    return files


def _stream_json(
    file: ByteSource, path: Path, problems: CaptionProblems
) -> Iterator[tuple[str, list[Caption]]]:
    seen: set[str] = set()
    for video_id, entry in stream_object(file, name=str(path)):
        if video_id in seen:
            problems.add(f'video {video_id!r} comes again, its first entry is kept')
            continue
        seen.add(video_id)
        yield video_id, list(_read_rows(video_id, entry, problems))


def _stream_csv_folder(
    folder: Path, problems: CaptionProblems
) -> Iterator[tuple[str, list[Caption]]]:
    for path in list_csv_files(folder):
        yield path.stem, list(_read_rows(path.stem, _read_csv(path), problems))


def _read_csv(path: Path) -> dict[str, list[object]]:
    """Return the columns of a CSV file that are there; a cell that is no number stays a string."""
    with path.open(encoding='utf-8-sig', newline='') as file:
        rows = csv.DictReader(file, strict=True)
        try:
            found = [column for column in COLUMNS if column in (rows.fieldnames or ())]
            columns: dict[str, list[object]] = {column: [] for column in found}
            for row in rows:
                for column in found:
                    cell = row[column]
                    columns[column].append(cell if column == 'text' else _number(cell))
        except csv.Error as error:
            raise ValueError(f'{path}:{rows.reader.line_num}: broken CSV: {error}') from error
        except UnicodeDecodeError as error:
            raise ValueError(f'{path}: a caption file must be CSV in UTF-8, but {error}') from error
    return columns


def _number(cell: str | None) -> object:
    try:
        return float(cell or '')
    except ValueError:
        return cell


def _read_rows(video_id: str, entry: object, problems: CaptionProblems) -> Iterator[Caption]:
    if not isinstance(entry, dict) or not all(isinstance(entry.get(c), list) for c in COLUMNS):
        problems.add(f'video {video_id!r} needs the lists "start", "end" and "text"')
        return
    starts, ends, texts = (entry[column] for column in COLUMNS)
    if not len(starts) == len(ends) == len(texts):
        problems.add(
            f'video {video_id!r} has {len(starts)} starts, {len(ends)} ends, {len(texts)} texts, '
            'so its rows cannot be told apart'
        )
        return
    for row, (start, end, text) in enumerate(zip(starts, ends, texts, strict=True)):
        fault = _fault(start, end, text)
        if fault is None:
            yield Caption(float(start), float(end), text.strip())
        else:
            problems.add(f'video {video_id!r} row {row}: {fault}')


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
