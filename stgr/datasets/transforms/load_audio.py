"""Read the sound of a clip as a log-mel spectrogram."""

import warnings
from typing import Any, ClassVar

import numpy as np

from stgr.datasets.transforms.clip_transform import ClipTransform
from stgr.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadAudio(ClipTransform):
    """Adds what is heard while the real candidates are shown, as ``stgr.ops.log_mel`` makes it.

    * ``audio``: levels in decibels below the loudest of the clip, (40, N) float32, 100 frames per
      second, from the first real candidate on.
    * ``audio_mask``: True where there is sound, (N,) bool.
    * ``heard_at_sec``: time of each candidate on the clock of ``audio``, (U,) float32.

    A clip without sound has an all-False mask; there is a warning for each video that has one, and
    their number in it. A file that cannot be opened is an error as for pictures, which the training
    set counts and steps over.

    Args:
        frames: Length N in frames, filled up with masked silence; of longer clips it is the middle
            (authors' code: 1000, that is 10 s, from the start of the clip, filled up with the
            loudest level and without mask). None: as long as the clip.
        cache_dir: Folder to keep the spectrograms of whole videos in, see ``MelStore``; it pays
            where every video is read several times. A clip's first and last frame then hear their
            neighbours instead of silence. None: decode the clip's part of the video each time.

    Raises:
        ValueError: If ``frames`` is less than 1.
    """

    required_keys: ClassVar[tuple[str, ...]] = ('video_id', 'video_path', 'frame_times_sec')
    added_keys: ClassVar[tuple[str, ...]] = ('audio', 'audio_mask', 'heard_at_sec')

    def __init__(self, frames: int | None = 1000, *, cache_dir: str | None = None) -> None:
        from stgr.io.mel_store import MelStore

        if frames is not None and frames < 1:
            raise ValueError(f'LoadAudio needs frames >= 1, but got {frames}')
        self.frames = frames
        self.store = None if cache_dir is None else MelStore(cache_dir)
        self._mute: set[str] = set()

    def apply(self, results: dict[str, Any]) -> dict[str, Any]:
        """Return the sound of the clip.

        Raises:
            VideoError: If the file cannot be opened.
            ValueError: If the data set has no videos.
        """
        if results['video_path'] is None:
            raise ValueError(
                'LoadAudio needs the video files, but the data set has none (videos_dir=None); '
                'set videos_dir or leave LoadAudio out'
            )
        times_sec = np.asarray(results['frame_times_sec'], np.float64)
        real = np.asarray(results.get('frame_mask', np.ones(len(times_sec), dtype=bool)))
        first, end = self._window(times_sec, real)
        levels, heard = self._levels(results, first, end)
        if not heard.any():
            self._warn(results['video_id'], results['video_path'])
        audio, mask = self._filled(levels, heard)
        heard_at_sec = (times_sec - first / _rate()).astype(np.float32)
        return {'audio': audio, 'audio_mask': mask, 'heard_at_sec': heard_at_sec}

    def _window(self, times_sec: np.ndarray, real: np.ndarray) -> tuple[int, int]:
        """Return the first spectrogram frame of a clip and the one after its last."""
        # Masked candidates were clamped: the largest step is one between two that were not.
        step_sec = float(np.diff(times_sec).max()) if len(times_sec) > 1 else 1.0
        shown = times_sec[real]
        first, end = round(shown[0] * _rate()), round((shown[-1] + step_sec) * _rate())
        if self.frames is not None and end - first > self.frames:
            first += (end - first - self.frames) // 2
            end = first + self.frames
        return first, end

    def _levels(
        self, results: dict[str, Any], first: int, end: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return levels of the window, (40, N) float32, and where there is sound, (N,) bool."""
        from stgr.io.mel_store import read_levels

        if self.store is None:
            return read_levels(results['video_path'], first / _rate(), end / _rate())
        levels, heard = self.store.levels(results['video_id'], results['video_path'])
        return levels[:, first:end].astype(np.float32), heard[first:end]

    def _filled(self, levels: np.ndarray, heard: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the spectrogram at its full length, silent where there is no sound."""
        import torch

        from stgr.ops.log_mel import FLOOR_DB, NUM_MELS, below_loudest

        length = levels.shape[1] if self.frames is None else self.frames
        audio = np.full((NUM_MELS, length), FLOOR_DB, np.float32)
        mask = np.zeros(length, dtype=bool)
        mask[: len(heard)] = heard
        if heard.any():
            audio[:, mask] = below_loudest(torch.from_numpy(levels[:, heard])).numpy()
        return audio, mask

    def _warn(self, video_id: str, path: str) -> None:
        if video_id in self._mute:
            return
        self._mute.add(video_id)
        warnings.warn(
            f'{path}: no sound in the window of a clip; {len(self._mute)} such videos so far '
            'in this process; their clips teach nothing about sound',
            stacklevel=2,
        )

    def __repr__(self) -> str:
        folder = None if self.store is None else str(self.store.folder)
        return f'LoadAudio(frames={self.frames}, cache_dir={folder!r})'


def _rate() -> int:
    from stgr.ops.log_mel import FRAMES_PER_SEC

    return FRAMES_PER_SEC
