"""Captions of many videos as flat columns: a few numbers and the bytes of the text per row."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

import numpy as np

from stgr.io.captions import Caption, CaptionProblems, stream_captions

ROWS_PER_BATCH = 1 << 14
DTYPES = {
    'ids': 'uint8',
    'id_ends': 'int64',
    'row_ends': 'int64',
    'start_sec': 'float64',
    'end_sec': 'float64',
    'num_words': 'uint32',
    'texts': 'uint8',
    'text_ends': 'int64',
}
# JSON may hold halves of surrogate pairs, which are no characters of UTF-8.
ENCODING = ('utf-8', 'surrogatepass')


class Texts(Sequence[str]):
    """Strings that lie one behind the other as UTF-8, decoded when asked for.

    Args:
        blob: All their bytes, uint8.
        ends: Where each ends in ``blob``, (N,) int64; it begins where the one before ends.
    """

    def __init__(self, blob: np.ndarray, ends: np.ndarray) -> None:
        self._blob, self._ends = blob, ends

    def __len__(self) -> int:
        return len(self._ends)

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> list[str]: ...

    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not 0 <= index < len(self):
            raise IndexError(f'text {index} of {len(self)}')
        start = self._ends[index - 1] if index else 0
        return self._blob[start : self._ends[index]].tobytes().decode(*ENCODING)


@dataclass(frozen=True)
class CaptionColumns:
    """The captions of V videos, N rows, those of one video together, in the order of the file.

    Pickled, columns that are mapped from a store travel as the name of its folder: a worker maps
    them anew and copies nothing.

    Args:
        columns: An array for each of ``DTYPES``: bytes and ends of the video ids, where the rows
            of each video end (V,), start and end of each caption in seconds (N,), its number of
            words (N,), bytes and ends of the texts.
        folder: The store that they are mapped from; None: they lie in memory.
    """

    columns: Mapping[str, np.ndarray]
    folder: Path | None = None

    def __len__(self) -> int:
        return len(self.start_sec)

    def __reduce__(self) -> tuple[Any, ...]:
        if self.folder is None:
            return CaptionColumns, (self.columns,)
        return map_columns, (self.folder,)

    @property
    def video_ids(self) -> Texts:
        """Names of the videos, V; one all of whose rows are unusable is among them."""
        return Texts(self.columns['ids'], self.columns['id_ends'])

    @property
    def first_row(self) -> np.ndarray:
        """First row of each video and, as the last, N: (V + 1,) int64."""
        return np.concatenate([[0], self.columns['row_ends']]).astype(np.int64)

    @property
    def start_sec(self) -> np.ndarray:
        """When each caption begins, (N,) float64."""
        return self.columns['start_sec']

    @property
    def end_sec(self) -> np.ndarray:
        """When it ends, (N,) float64."""
        return self.columns['end_sec']

    @property
    def num_words(self) -> np.ndarray:
        """How many words it has, (N,) uint32."""
        return self.columns['num_words']

    @property
    def texts(self) -> Texts:
        """What is said, N."""
        return Texts(self.columns['texts'], self.columns['text_ends'])


def read_caption_columns(path: str | Path) -> CaptionColumns:
    """Read captions into memory as columns; formats, warning and errors of ``read_captions``."""
    problems = CaptionProblems()
    columns = hold_columns(stream_captions(path, problems))
    problems.warn(path, kept=len(columns))
    return columns


def hold_columns(videos: Iterable[tuple[str, list[Caption]]]) -> CaptionColumns:
    """Return the captions of videos, each given once, as columns in memory."""
    parts: dict[str, list[np.ndarray]] = {name: [] for name in DTYPES}
    for batch in column_batches(videos):
        for name, part in batch.items():
            parts[name].append(part)
    return CaptionColumns(
        {
            name: np.concatenate([np.empty(0, dtype), *parts.pop(name)])
            for name, dtype in DTYPES.items()
        }
    )


def map_columns(folder: Path) -> CaptionColumns:
    """Map the columns of a store; nothing is read before it is used."""
    columns = {name: np.load(folder / f'{name}.npy', mmap_mode='r') for name in DTYPES}
    return CaptionColumns(columns, folder)


def column_batches(
    videos: Iterable[tuple[str, list[Caption]]], rows_per_batch: int = ROWS_PER_BATCH
) -> Iterator[dict[str, np.ndarray]]:
    """Yield the next piece of every column of ``DTYPES``, whole videos in each.

    Args:
        videos: Names and captions.
        rows_per_batch: A piece is full when it has so many rows, or so many videos.
    """
    starts = {'id_ends': 0, 'row_ends': 0, 'text_ends': 0}
    for batch in _batches(videos, rows_per_batch):
        ids = [video_id.encode(*ENCODING) for video_id, _ in batch]
        rows = [row for _, captions in batch for row in captions]
        texts = [row.text.encode(*ENCODING) for row in rows]
        lengths: dict[str, Sequence[Any]] = {
            'id_ends': [len(video_id) for video_id in ids],
            'row_ends': [len(captions) for _, captions in batch],
            'text_ends': [len(text) for text in texts],
        }
        ends = {
            name: starts[name] + np.cumsum(sizes, dtype=np.int64) for name, sizes in lengths.items()
        }
        starts = {name: int(last[-1]) if len(last) else starts[name] for name, last in ends.items()}
        yield ends | {
            'ids': np.frombuffer(b''.join(ids), np.uint8),
            'start_sec': np.array([row.start_sec for row in rows], np.float64),
            'end_sec': np.array([row.end_sec for row in rows], np.float64),
            'num_words': np.array([len(row.text.split()) for row in rows], np.uint32),
            'texts': np.frombuffer(b''.join(texts), np.uint8),
        }


def _batches(
    videos: Iterable[tuple[str, list[Caption]]], rows_per_batch: int
) -> Iterator[list[tuple[str, list[Caption]]]]:
    batch: list[tuple[str, list[Caption]]] = []
    num_rows = 0
    for video in videos:
        batch.append(video)
        num_rows += len(video[1])
        if max(num_rows, len(batch)) >= rows_per_batch:
            yield batch
            batch, num_rows = [], 0
    if batch:
        yield batch
