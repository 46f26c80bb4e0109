"""Write a feature file chunk by chunk, so that a long video needs no more memory than a short one.

safetensors can only save whole tensors, but its format is a header and the raw tensors: with the
number of frames known beforehand, each chunk has its place in the file.
"""

import glob
import os
import tempfile
from collections.abc import Mapping
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from types import TracebackType

import numpy as np

from stgr.io.atomic import full_disk_named
from stgr.io.feature_provenance import stored_provenance
from stgr.io.safetensors_header import header_bytes

DTYPES = {'times_sec': '<f8', 'frames': '<f2', 'patches': '<f2'}


def write_features(
    path: str | Path,
    *,
    times_sec: np.ndarray,
    frames: np.ndarray,
    patches: np.ndarray | None,
    provenance: Mapping[str, object],
) -> None:
    """Write the features of one video in one go; see ``FeatureWriter`` for long videos.

    Args:
        path: The file to write; it appears complete or not at all.
        times_sec: Presentation times, (F,), ascending.
        frames: Frame features, (F, C); stored as float16.
        patches: Patch features, (F, P, C), or None to store frames only.
        provenance: The ``PROVENANCE_KEYS`` and their values.

    Raises:
        ValueError: If shapes disagree, a value is not finite in float16, or provenance is missing.
    """
    with FeatureWriter(
        path, times_sec=times_sec, width=frames.shape[-1], provenance=provenance,
        has_patches=patches is not None,
    ) as writer:  # fmt: skip
        writer.write(frames, patches)


class FeatureWriter:
    """A feature file being written: appears complete under its name, or not at all.

    What a killed run left half-written of the same file is removed.

    Example:
        >>> with FeatureWriter(path, times_sec=times, width=512, provenance=facts) as writer:
        ...     for frames, patches in encoded_chunks:  # (n, 512), (n, 49, 512)
        ...         writer.write(frames, patches)  # doctest: +SKIP

    Args:
        path: The file to write; its folder is made.
        times_sec: Presentation times of all F frames, (F,), ascending.
        width: Width C of the features.
        patch_width: Width of patch features where it is another one.
        provenance: Values of ``PROVENANCE_KEYS``: registered name of the video reader, frames per
            second, image size the backbone saw, patch grid ``'h,w'`` or ``(h, w)``, checksum of the
            backbone's weights. Further keys are stored as well.
        has_patches: Whether patch features are written too.

    Raises:
        ValueError: If provenance is missing or times are not ascending.
        OSError: If the disk is full (on entering, writing or leaving); the message names the file.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        times_sec: np.ndarray,
        width: int,
        patch_width: int | None = None,
        provenance: Mapping[str, object],
        has_patches: bool = True,
    ) -> None:
        self.path = Path(path)
        self._times = np.ascontiguousarray(times_sec, dtype='<f8')
        if self._times.ndim != 1 or np.any(np.diff(self._times) <= 0):
            raise ValueError(f'{path}: times_sec must be (F,) and ascending')
        self._metadata = stored_provenance(provenance, path)
        rows, columns = (int(n) for n in self._metadata['grid'].split(','))
        n = len(self._times)
        self._shapes: dict[str, tuple[int, ...]] = {'times_sec': (n,), 'frames': (n, width)}
        if has_patches:
            self._shapes['patches'] = (n, rows * columns, patch_width or width)
        self._offsets: dict[str, int] = {}
        self._written = 0

    def __enter__(self) -> 'FeatureWriter':
        with self._full_disk_named():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._remove_stale()
            handle, name = tempfile.mkstemp(
                dir=self.path.parent, prefix=f'.{self.path.name}.', suffix='.tmp'
            )
            self._partial = Path(name)
            self._file = os.fdopen(handle, 'wb')
            try:
                self._write_header()
            except BaseException:
                self._discard()
                raise
        return self

    def write(self, frames: np.ndarray, patches: np.ndarray | None = None) -> None:
        """Append the features of the next frames.

        Args:
            frames: (n, C), any float type.
            patches: (n, P, C); None exactly if the file holds frames only.

        Raises:
            ValueError: If shapes disagree with the file or a value is not finite in float16.
        """
        if (patches is None) == ('patches' in self._shapes):
            raise ValueError(f'{self.path}: has_patches and the patches given disagree')
        with self._full_disk_named():
            self._append('frames', frames, len(frames))
            if patches is not None:
                self._append('patches', patches, len(frames))
        self._written += len(frames)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                with self._full_disk_named():
                    self._finish()
        finally:
            self._discard()

    def _write_header(self) -> None:
        tensors = {name: (DTYPES[name], shape) for name, shape in self._shapes.items()}
        begin = 0
        for name, (dtype, shape) in tensors.items():
            self._offsets[name] = begin
            begin += int(np.prod(shape)) * np.dtype(dtype).itemsize
        self._file.write(header_bytes(self._metadata, tensors))
        self._base = self._file.tell()
        self._file.write(self._times.tobytes())

    def _append(self, name: str, values: np.ndarray, count: int) -> None:
        shape = self._shapes[name]
        if values.shape != (count, *shape[1:]) or self._written + count > shape[0]:
            raise ValueError(
                f'{self.path}: {name} {values.shape} after {self._written} frames do not fit '
                f'into {shape}'
            )
        with np.errstate(over='ignore'):
            half = np.ascontiguousarray(values, dtype='<f2')
        if not np.isfinite(half).all():
            raise ValueError(f'{self.path}: {name} has values that are not finite in float16')
        row_bytes = int(np.prod(shape[1:])) * half.itemsize
        self._file.seek(self._base + self._offsets[name] + self._written * row_bytes)
        self._file.write(half.tobytes())

    def _finish(self) -> None:
        if self._written != len(self._times):
            raise ValueError(
                f'{self.path}: {self._written} of {len(self._times)} frames were written'
            )
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._partial.chmod(0o644)  # a temporary file is private, a finished one need not be
        self._partial.replace(self.path)

    def _discard(self) -> None:
        """Close and remove what was not finished."""
        with suppress(OSError):  # on a full disk closing fails again; the first error counts
            self._file.close()
        self._partial.unlink(missing_ok=True)

    def _remove_stale(self) -> None:
        for stale in self.path.parent.glob(f'.{glob.escape(self.path.name)}.*.tmp'):
            stale.unlink(missing_ok=True)

    def _full_disk_named(self) -> AbstractContextManager[None]:
        if Path(tempfile.gettempdir()) in self.path.parents:
            return full_disk_named(
                self.path, 'free some or let TMPDIR name a temporary folder with more'
            )
        return full_disk_named(self.path)
