"""Every clip of a training set as columns: the small, flat memory behind ``HowTo100M``."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar, overload

import numpy as np

from stgr.io.caption_columns import CaptionColumns

# Enough to make the steps long, few enough that their arrays are small.
VIDEOS_AT_A_TIME = 1 << 14
Value = TypeVar('Value', covariant=True)


class Indexed(Protocol[Value]):
    """A column: an array, or texts."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Value: ...


class Picked(Sequence[Value]):
    """Some entries of a column, looked up when asked for.

    Args:
        column: Where they are.
        places: Which of them, (N,) int.
    """

    def __init__(self, column: Indexed[Value], places: np.ndarray) -> None:
        self._column, self._places = column, places

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> Value: ...

    @overload
    def __getitem__(self, index: slice) -> list[Value]: ...

    def __getitem__(self, index: int | slice) -> Value | list[Value]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not 0 <= index < len(self):
            raise IndexError(f'entry {index} of {len(self)}')
        return self._column[int(self._places[index])]


@dataclass(frozen=True)
class ClipTable:
    """The narrated clips of many videos, N rows, those of one video together.

    It holds which captions are clips, two numbers each; times and texts stay where they are, in
    memory or mapped from a store.

    Args:
        columns: All captions.
        videos: Numbers in ``columns`` of the V videos that have a clip, (V,) int.
        first_row: Row ``first_row[v]`` is the first of video ``v``, (V + 1,) int64; the last is N.
        windows: Caption in ``columns`` that gives each clip its times, (N,) int.
        spoken: Caption that gives each clip its narration, (N,) int.
        dropped: How many captions were left out, by reason.
        first_late: Video and start of the first caption left out because it begins past the end of
            its video, None if there is none.
    """

    columns: CaptionColumns
    videos: np.ndarray
    first_row: np.ndarray
    windows: np.ndarray
    spoken: np.ndarray
    dropped: Mapping[str, int] = field(default_factory=dict)
    first_late: tuple[str, float] | None = None

    def __len__(self) -> int:
        return len(self.windows)

    @property
    def video_ids(self) -> Sequence[str]:
        """The V videos that have a clip."""
        return Picked(self.columns.video_ids, self.videos)

    @property
    def start_sec(self) -> Sequence[float]:
        """When each narration begins, N."""
        return Picked(self.columns.start_sec, self.windows)

    @property
    def end_sec(self) -> Sequence[float]:
        """When it ends, N, > ``start_sec``."""
        return Picked(self.columns.end_sec, self.windows)

    @property
    def narrations(self) -> Sequence[str]:
        """What is said, N strings."""
        return Picked(self.columns.texts, self.spoken)

    @classmethod
    def take(
        cls,
        columns: CaptionColumns,
        *,
        min_words: int,
        durations_sec: Mapping[str, float],
        without: Collection[str] = (),
    ) -> 'ClipTable':
        """Build the table of the captions that are clips, in their order.

        Args:
            columns: All captions.
            min_words: Captions with fewer words are left out; 0 keeps all.
            durations_sec: Lengths of the videos, where known: captions that begin after the end
                are left out.
            without: Videos that are left out, and not counted among what is dropped.
        """
        first_row = columns.first_row
        used, ends_sec = _used_videos(columns.video_ids, set(without), durations_sec)
        dropped = {'too few words': 0, 'past the end of the video': 0}
        late_row = None
        kept_rows = []
        for first in range(0, len(used), VIDEOS_AT_A_TIME):
            block = slice(first, first + VIDEOS_AT_A_TIME)
            sizes = np.diff(first_row[first : first + VIDEOS_AT_A_TIME + 1])
            row, end = first_row[first], first_row[first] + sizes.sum()
            present = np.repeat(used[block], sizes)
            spoken = present & (columns.num_words[row:end] >= min_words)
            kept = spoken.copy()
            if np.isfinite(ends_sec[block]).any():  # else there is no need to read the times
                kept &= columns.start_sec[row:end] < np.repeat(ends_sec[block], sizes)
            late = np.flatnonzero(spoken & ~kept)
            if late_row is None and len(late):
                late_row = int(row + late[0])
            dropped['too few words'] += int(present.sum() - spoken.sum())
            dropped['past the end of the video'] += len(late)
            kept_rows.append(_compact(row + np.flatnonzero(kept), len(columns)))
        rows = np.concatenate([_compact(np.empty(0, np.int64), len(columns)), *kept_rows])
        sizes = np.diff(np.searchsorted(rows, first_row.astype(rows.dtype)))
        videos = np.flatnonzero(sizes)
        return cls(
            columns,
            videos,
            np.concatenate([[0], np.cumsum(sizes[videos])]).astype(np.int64),
            windows=rows,
            spoken=rows,
            dropped=dropped,
            first_late=None if late_row is None else _place(columns, first_row, late_row),
        )

    def video_of(self, row: int) -> int:
        """Return the number of the video that a row belongs to."""
        return int(np.searchsorted(self.first_row, row, side='right')) - 1

    def with_permuted_narrations(self, seed: int) -> 'ClipTable':
        """Return the control in which every clip has the narration of another video.

        Texts and windows are the same as before, only their pairing is destroyed: a model that
        learns from this as well as from the truth has not learnt what is said.
        """
        videos = np.repeat(np.arange(len(self.videos)), np.diff(self.first_row))
        order = derange(videos, np.random.default_rng(seed))
        return replace(self, spoken=self.spoken[order])


def _used_videos(
    video_ids: Sequence[str], without: Collection[str], durations_sec: Mapping[str, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Return which videos are not left out, (V,) bool, and when each ends, (V,), inf if unknown."""
    used = np.ones(len(video_ids), bool)
    ends_sec = np.full(len(video_ids), np.inf)
    if without or durations_sec:
        for video, video_id in enumerate(video_ids):
            used[video] = video_id not in without
            ends_sec[video] = durations_sec.get(video_id, np.inf)
    return used, ends_sec


def _compact(rows: np.ndarray, num_rows: int) -> np.ndarray:
    """Return row numbers in four bytes each if they fit."""
    return rows.astype(np.uint32 if num_rows < 2**32 else np.int64)


def _place(columns: CaptionColumns, first_row: np.ndarray, row: int) -> tuple[str, float]:
    """Return video and start of a caption."""
    video = int(np.searchsorted(first_row, row, side='right')) - 1
    return columns.video_ids[video], float(columns.start_sec[row])


def derange(groups: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a random permutation that gives no element to its own group.

    Args:
        groups: Group of each element, (N,) int. If one group holds more than half of the elements
            there is no such permutation: then no element keeps its own place, which is all that
            can be promised.
        rng: Where the randomness comes from.

    Returns:
        ``order``, (N,) int64, a permutation with ``groups[order[i]] != groups[i]`` for every i.

    Raises:
        ValueError: If there are fewer than two elements.
    """
    n = len(groups)
    if n < 2:
        raise ValueError(f'{n} clips cannot exchange their narrations; at least 2 are needed')
    if np.bincount(groups).max() > n // 2:
        groups = np.arange(n)
    order = rng.permutation(n)
    for _ in range(100):
        clashing = np.flatnonzero(groups[order] == groups)
        if not len(clashing):
            return order
        for i, j in zip(clashing, rng.integers(n, size=len(clashing)), strict=True):
            if groups[order[i]] != groups[j] and groups[order[j]] != groups[i]:
                order[i], order[j] = order[j], order[i]
    # Hardly any permutation will do (a group of nearly one half): turn the sorted elements round
    # by the size of the largest group, which always will.
    by_group = np.argsort(groups, kind='stable')
    order[by_group] = np.roll(by_group, -int(np.bincount(groups).max()))
    return order
