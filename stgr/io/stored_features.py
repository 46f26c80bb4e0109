"""Stored features of one video, read in parts, wherever they lie."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

ROUNDING_SEC = 1e-6
"""Slack for the rounding of k / fps."""


@dataclass(frozen=True)
class FeatureBlock:
    """Features of some frames of one video.

    Args:
        times_sec: Presentation times of the frames, (N,) float64.
        frames: Frame features of the backbone (CLIP: projected CLS), (N, C) float16.
        patches: Patch features of the same frames, (N, P, C) float16, rows of the grid one after
            the other; None if they were not asked for or are not stored.
    """

    times_sec: np.ndarray
    frames: 'Tensor'
    patches: 'Tensor | None'


class StoredFeatures:
    """The features of one video in an open safetensors file, read without the rest of it.

    Args:
        file: The file, open, that holds ``times_sec``, ``frames`` and perhaps ``patches``.
        provenance: Where the features come from, see ``stored_provenance``.
        rows: Which rows of the file are those of the video.
        source: What messages call it.
    """

    def __init__(self, file: Any, provenance: dict[str, str], *, rows: range, source: str) -> None:
        self.provenance = provenance
        self.source = source
        self._file = file
        self._rows = rows
        self.times_sec: np.ndarray = self._read('times_sec', slice(None)).numpy()
        self.has_patches = 'patches' in set(file.keys())

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def step_sec(self) -> float:
        """Seconds between two stored frames."""
        return 1 / float(self.provenance['rate_fps'])

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns ``(h, w)`` of the patch grid."""
        rows, columns = self.provenance['grid'].split(',')
        return int(rows), int(columns)

    @property
    def frames_per_step(self) -> int:
        """Frames of video that became one stored frame; a step of several begins at its time."""
        return int(self.provenance.get('frames_per_step', '1'))

    def nearest(self, times_sec: np.ndarray) -> np.ndarray:
        """Return the index of the stored frame that stands for each time, (N,) int64.

        It is the closest one, the earlier in a tie; where a stored frame is a step of several
        frames, the step that the time lies in, the first one for times before it.
        """
        if self.frames_per_step > 1:
            last_begun = np.searchsorted(self.times_sec, times_sec + ROUNDING_SEC, side='right') - 1
            return np.maximum(last_begun, 0).astype(np.int64)
        after = np.searchsorted(self.times_sec, times_sec).clip(1, max(len(self) - 1, 1))
        after = np.minimum(after, len(self) - 1)
        before = np.maximum(after - 1, 0)
        closer = self.times_sec[after] - times_sec < times_sec - self.times_sec[before]
        index: np.ndarray = np.where(closer, after, before)
        return index.astype(np.int64)

    def read(
        self, indices: Sequence[int] | np.ndarray | slice = slice(None), *, patches: bool = True
    ) -> FeatureBlock:
        """Read some frames.

        Args:
            indices: Which of the F stored frames, in any order, repeats allowed; default: all.
            patches: Whether to read the patches too: 50 times the bytes of the frames.

        Returns:
            The features, in the order of ``indices``.

        Raises:
            ValueError: If patches are asked for but only frames are stored.
            IndexError: If the video has no such frame.
        """
        frames = self._read('frames', indices)
        chosen = self.read_patches(indices) if patches else None
        return FeatureBlock(self.times_sec[indices], frames, chosen)

    def read_patches(self, indices: Sequence[int] | np.ndarray | slice) -> 'Tensor':
        """Read the patches of some frames only (the selected ones, say), (N, P, C) float16.

        Raises:
            ValueError: If only frames are stored.
            IndexError: If the video has no such frame.
        """
        if not self.has_patches:
            raise ValueError(f'{self.source} holds frame features only; extract it with patches')
        return self._read('patches', indices)

    def _read(self, name: str, indices: Sequence[int] | np.ndarray | slice) -> 'Tensor':
        import torch

        if isinstance(indices, slice):
            chosen: Sequence[int] = self._rows[indices]
        else:
            chosen = [self._rows[int(index)] for index in indices]  # never a row of another video
        first, last = min(chosen, default=0), max(chosen, default=-1)
        mapped: Tensor = self._file.get_slice(name)[first : last + 1]  # nothing is read yet
        # A slice of the file by a list of rows would do the same in six times the time.
        return mapped.index_select(0, torch.tensor(chosen, dtype=torch.int64) - first)
