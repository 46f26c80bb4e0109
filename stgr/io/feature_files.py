"""Frozen features on disk: one memory-mapped safetensors file per video.

A file holds ``times_sec (F,)`` float64, ``frames (F, C)`` and, unless only frames were stored,
``patches (F, P, C)``, both float16, and in its metadata where they come from (``PROVENANCE_KEYS``),
so that features of another backbone or frame size are refused instead of silently used.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stgr.io.feature_provenance import FORMAT_VERSION, PROVENANCE_KEYS, check_provenance
from stgr.io.feature_writer import FeatureWriter, write_features

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


class FeatureFile:
    """The features of one video, read in parts without loading the whole file.

    Args:
        path: A file written by ``FeatureWriter``.
        expected: Provenance the features must have (see ``check_provenance``); None: any.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged, of another format version or another origin.
    """

    def __init__(self, path: str | Path, expected: Mapping[str, object] | None = None) -> None:
        self.path = Path(path)
        self._file = _open(self.path)
        self.provenance: dict[str, str] = self._file.metadata() or {}
        check_provenance(
            self.provenance, {'format_version': FORMAT_VERSION, **(expected or {})}, source=path
        )
        self.times_sec: np.ndarray = self._file.get_tensor('times_sec').numpy()
        self.has_patches = 'patches' in set(self._file.keys())

    def __len__(self) -> int:
        return len(self.times_sec)

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
        """
        frames = self._read('frames', indices)
        chosen = self.read_patches(indices) if patches else None
        return FeatureBlock(self.times_sec[indices], frames, chosen)

    def read_patches(self, indices: Sequence[int] | np.ndarray | slice) -> 'Tensor':
        """Read the patches of some frames only (the selected ones, say), (N, P, C) float16.

        Raises:
            ValueError: If only frames are stored.
        """
        if not self.has_patches:
            raise ValueError(f'{self.path} holds frame features only; extract it with patches')
        return self._read('patches', indices)

    def _read(self, name: str, indices: Sequence[int] | np.ndarray | slice) -> 'Tensor':
        part = indices if isinstance(indices, slice) else [int(index) for index in indices]
        stored: Tensor = self._file.get_slice(name)[part or slice(0)]
        return stored


def _open(path: Path) -> Any:
    from safetensors import SafetensorError, safe_open

    try:
        return safe_open(path, framework='pt')
    except FileNotFoundError as error:
        raise FileNotFoundError(f'{path}: no such feature file; extract the features') from error
    except SafetensorError as error:
        raise ValueError(f'{path}: damaged feature file ({error}); extract it again') from error


class FeatureStore:
    """A folder of feature files, one ``<video_id>.safetensors`` per video.

    Args:
        root: The folder; it need not exist before something is written to it.
        provenance: What every file must come from (see ``check_provenance``); None: any.
    """

    def __init__(self, root: str | Path, provenance: Mapping[str, object] | None = None) -> None:
        self.root = Path(root)
        self.provenance = None if provenance is None else dict(provenance)

    def path(self, video_id: str) -> Path:
        """Return where the features of a video lie or would lie.

        Raises:
            ValueError: If the id is no plain file name.
        """
        if not video_id or Path(video_id).name != video_id:
            raise ValueError(f'a video id must be a plain file name, but is {video_id!r}')
        return self.root / f'{video_id}.safetensors'

    def has(self, video_id: str) -> bool:
        """Return whether there is a file for this video (its origin is checked by ``open``)."""
        return self.path(video_id).is_file()

    def open(self, video_id: str) -> FeatureFile:
        """Open the features of a video.

        Raises:
            FileNotFoundError: If they have not been extracted.
            ValueError: If they are damaged or of another origin.
        """
        return FeatureFile(self.path(video_id), self.provenance)


__all__ = [
    'FORMAT_VERSION',
    'PROVENANCE_KEYS',
    'FeatureBlock',
    'FeatureFile',
    'FeatureStore',
    'FeatureWriter',
    'check_provenance',
    'write_features',
]
