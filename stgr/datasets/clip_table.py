"""Every clip of a training set as columns: the small, flat memory behind ``HowTo100M``."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from stgr.io.captions import Caption


@dataclass(frozen=True)
class ClipTable:
    """The narrated clips of many videos, N rows, those of one video together.

    Args:
        video_ids: The V videos that have a clip.
        first_row: Row ``first_row[v]`` is the first of video ``v``, (V + 1,) int64; the last is N.
        start_sec: When each narration begins, (N,).
        end_sec: When it ends, (N,), > ``start_sec``.
        narrations: What is said, N strings.
        dropped: How many captions were left out, by reason.
        first_late: Video and start of the first caption left out because it begins past the end of
            its video, None if there is none.
    """

    video_ids: list[str]
    first_row: np.ndarray
    start_sec: np.ndarray
    end_sec: np.ndarray
    narrations: list[str]
    dropped: Mapping[str, int] = field(default_factory=dict)
    first_late: tuple[str, float] | None = None

    def __len__(self) -> int:
        return len(self.narrations)

    @classmethod
    def take(
        cls,
        captions: dict[str, list[Caption]],
        *,
        min_words: int,
        durations_sec: Mapping[str, float],
    ) -> 'ClipTable':
        """Build the table and empty ``captions`` on the way, so that nothing is held twice.

        Args:
            captions: Captions by video; empty afterwards.
            min_words: Captions with fewer words are left out; 0 keeps all.
            durations_sec: Lengths of the videos, where known: captions that begin after the end
                are left out.
        """
        video_ids: list[str] = []
        lengths: list[int] = []
        rows: list[Caption] = []
        dropped = {'too few words': 0, 'past the end of the video': 0}
        first_late = None
        for video_id in list(captions):
            spoken = captions.pop(video_id)
            long_enough = [row for row in spoken if len(row.text.split()) >= min_words]
            duration_sec = durations_sec.get(video_id, float('inf'))
            kept = [row for row in long_enough if row.start_sec < duration_sec]
            dropped['too few words'] += len(spoken) - len(long_enough)
            dropped['past the end of the video'] += len(long_enough) - len(kept)
            if first_late is None and len(kept) < len(long_enough):
                late = next(row for row in long_enough if row.start_sec >= duration_sec)
                first_late = (video_id, late.start_sec)
            if kept:
                video_ids.append(video_id)
                lengths.append(len(kept))
                rows.extend(kept)
        return cls(
            video_ids,
            np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
            np.array([row.start_sec for row in rows], dtype=np.float64),
            np.array([row.end_sec for row in rows], dtype=np.float64),
            [row.text for row in rows],
            dropped,
            first_late,
        )

    def video_of(self, row: int) -> int:
        """Return the number of the video that a row belongs to."""
        return int(np.searchsorted(self.first_row, row, side='right')) - 1

    def with_permuted_narrations(self, seed: int) -> 'ClipTable':
        """Return the control in which every clip has the narration of another video.

        Texts and windows are the same as before, only their pairing is destroyed: a model that
        learns from this as well as from the truth has not learnt what is said.
        """
        videos = np.repeat(np.arange(len(self.video_ids)), np.diff(self.first_row))
        order = derange(videos, np.random.default_rng(seed))
        return replace(self, narrations=[self.narrations[row] for row in order])


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
