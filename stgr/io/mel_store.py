"""Spectrograms of the sound of whole videos, kept on disk."""

from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from stgr.io.atomic import written_whole
from stgr.io.audio_reader import read_audio
from stgr.io.store_writer import file_name


class MelStore:
    """One file of mel levels per video, made when it is first asked for.

    8 kB per second of sound. A video that has changed (by the number of its bytes), or whose file
    is damaged, is read anew. Processes may share a folder.

    Args:
        folder: Where the files go; made when needed.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def levels(self, video_id: str, video_path: str | Path) -> tuple[np.ndarray, np.ndarray]:
        """Return the mel levels of a video's sound from time 0 on.

        Args:
            video_id: Name of the file in the store.
            video_path: Where the sound is.

        Returns:
            Levels in decibels as from ``stgr.ops.log_mel.mel_levels``, (NUM_MELS, N) float16, and
            where there is sound, (N,) bool; N is 0 without a sound track.

        Raises:
            VideoError: If the video cannot be read.
        """
        file, num_bytes = self.folder / file_name(video_id, '.npz'), Path(video_path).stat().st_size
        kept = _kept(file, num_bytes)
        if kept is not None:
            return kept
        levels, real = read_levels(video_path, 0.0, None)
        levels = levels.astype(np.float16)
        self.folder.mkdir(parents=True, exist_ok=True)
        with written_whole(file) as partial, partial.open('wb') as output:
            np.savez(output, levels=levels, real=real, video_bytes=num_bytes)
        return levels, real


def _kept(file: Path, num_bytes: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Return what a file holds, None if it is not there, damaged or of another video."""
    try:
        with np.load(file) as kept:
            if int(kept['video_bytes']) == num_bytes:
                return kept['levels'], kept['real']
    except (FileNotFoundError, EOFError, KeyError, ValueError, BadZipFile):
        pass
    return None


def read_levels(
    path: str | Path, start_sec: float, end_sec: float | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return mel levels of a video's sound between two times, 100 frames per second.

    Args:
        path: The video.
        start_sec: Time of the first frame.
        end_sec: Time after the last one; None: where the sound ends.

    Returns:
        Levels in decibels, (NUM_MELS, N) float32, and where there is sound, (N,) bool.

    Raises:
        VideoError: If the video cannot be read.
    """
    import torch

    from stgr.ops.log_mel import HOP, SAMPLE_RATE, mel_levels

    samples, real = read_audio(path, start_sec, end_sec, rate_hz=SAMPLE_RATE)
    levels = mel_levels(torch.from_numpy(samples)).numpy()
    return levels, real[::HOP][: levels.shape[1]].copy()  # a view would keep all of it
