"""The video itself, with what was found drawn into it."""

import os
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import numpy as np

from stgr.io import VideoWriter, open_video
from stgr.structures import GroundingResult
from stgr.visualization.painter import OverlayPainter

# A frame that stays longer than this is repeated, so that boxes and playhead move on.
LONGEST_FRAME_SEC = 0.2


def write_overlay(
    result: GroundingResult,
    out_path: str | os.PathLike[str],
    *,
    video_path: str | os.PathLike[str] | None = None,
    max_side_px: int = 960,
    max_fps: float = 25.0,
    progress: bool = False,
) -> Path:
    """Write the video with boxes, heat and labels inside the spans, and a timeline bar below.

    Frames keep the times of the original, evenly spaced or not, and the sound is kept. Frames are
    streamed, so memory does not grow with the length. A box stays until the next evaluated frame of
    its span.

    Args:
        result: What was found.
        out_path: An ``.mp4`` file (H.264, yuv420p, fast start, AAC), overwritten.
        video_path: Where the video is; None means ``result.video.path``.
        max_side_px: Longer videos' frames are shrunk until their longer side has this size.
        max_fps: Frames per second at most; of a faster video some frames are left out.
        progress: Whether to show a progress bar.

    Returns:
        The path of the overlay.

    Raises:
        ValueError: If a limit is not positive.
        stgr.io.VideoError: If the video cannot be read.
    """
    if max_side_px < 2 or not max_fps > 0:
        raise ValueError(f'max_side_px={max_side_px} must be >= 2 and max_fps={max_fps} > 0')
    out_path, video = Path(out_path), result.video
    source = Path(video_path or video.path)
    fps = min(video.fps, max_fps) if video.fps > 0 else max_fps
    painter = OverlayPainter(result, size=fit_size(video.width, video.height, max_side_px))
    audio_from = source if video.has_audio else None
    # What was read in a process of its own, for fear of its decoder, is read so again.
    decoder = video.reader if video.reader == 'isolated' else 'pyav'
    with (
        open_video(source, decoder) as reader,
        VideoWriter(out_path, fps, painter.picture_size, audio_from=audio_from) as writer,
    ):
        times_sec = overlay_times(reader.timeline.times_sec, video.duration_sec, max_fps)
        chunks = reader.stream_at(times_sec, size=painter.size, chunk=16)
        for chunk_times, frames in _with_progress(chunks, len(times_sec), show=progress):
            for time_sec, frame in zip(chunk_times, frames, strict=True):
                writer.write(painter.paint(frame, float(time_sec)), float(time_sec))
    return out_path


def overlay_times(frame_times_sec: np.ndarray, duration_sec: float, max_fps: float) -> np.ndarray:
    """Return when the overlay shows a new picture, (n,) float64, ascending, from 0.

    Args:
        frame_times_sec: Presentation times of the original's frames, (F,), ascending.
        duration_sec: End of the video; the picture of a later time is left out.
        max_fps: At most one frame of the original per ``1 / max_fps`` seconds is kept.
    """
    inside = (frame_times_sec >= 0) & (frame_times_sec < duration_sec)
    times_sec = np.append(0.0, frame_times_sec[inside])
    ticks = np.floor(times_sec * max_fps + 1e-3)  # a timestamp may fall just short of its tick
    times_sec = times_sec[np.unique(ticks, return_index=True)[1]]
    step_sec = max(LONGEST_FRAME_SEC, 1 / max_fps)
    repeats = [
        np.arange(start, end - 0.5 / max_fps, step_sec)
        for start, end in pairwise([*times_sec, duration_sec])
    ]
    return np.concatenate(repeats)


def fit_size(width: int, height: int, max_side_px: int) -> tuple[int, int]:
    """Return width and height, even (as yuv420p needs), the longer at most ``max_side_px``."""
    scale = min(1.0, max_side_px / max(width, height))
    return max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2)


def _with_progress(
    chunks: Iterable[tuple[np.ndarray, np.ndarray]], total: int, *, show: bool
) -> Iterable[tuple[np.ndarray, np.ndarray]]:
    from tqdm import tqdm

    with tqdm(total=total, desc='overlay', unit='frame', disable=not show) as bar:
        for times_sec, frames in chunks:
            yield times_sec, frames
            bar.update(len(times_sec))
