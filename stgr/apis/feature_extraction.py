"""Encode whole videos once: for the feature store of training, and for any number of queries."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from stgr.io.feature_files import FeatureFile, FeatureStore
    from stgr.io.video_reader import VideoReader
    from stgr.models.grounders.base_grounder import BaseGrounder

Progress = Callable[[Iterable[Any], int], Iterable[Any]]
FRAMES_PER_CHUNK = 64  # decoded and encoded at a time


@dataclass(frozen=True)
class StoreReport:
    """What became of the videos that a store did not hold.

    Args:
        encoded: Number of videos encoded.
        failures: Why each of the others could not be, with the name of its file.
    """

    encoded: int
    failures: tuple[str, ...] = ()


def feature_provenance(model: 'BaseGrounder', *, rate_fps: float, reader: str) -> dict[str, object]:
    """Return what features of this model at this rate come from; stored with them."""
    backbone = model.backbone
    steps = backbone.frames_per_step
    return {
        **({'frames_per_step': steps} if steps > 1 else {}),
        'reader': reader,
        'rate_fps': rate_fps,
        'image_size': backbone.image_size,
        'grid': backbone.grid,
        'backbone_sha256': backbone.fingerprint,
    }


def encode_video(
    model: 'BaseGrounder',
    video: 'VideoReader',
    out_path: str | Path,
    *,
    rate_fps: float,
    progress: Progress | None = None,
) -> 'FeatureFile':
    """Encode the frames shown at ``k / rate_fps`` seconds into a feature file.

    Decoded, encoded and written chunk by chunk, so memory does not grow with the video. A backbone
    that makes one feature of n frames is shown n frames evenly spaced over each 1 / ``rate_fps``
    seconds, the frames k n to k n + n - 1 at n times the rate for feature k, which is stored under
    the time of its first frame. Frames past the end of the video are padding. Chunks hold whole
    windows of frames that the backbone looks at together, so they make no difference.

    Args:
        model: Whose backbone encodes, on its device.
        video: Open reader.
        out_path: File to write; it appears whole or not at all.
        rate_fps: Features per second of video.
        progress: Wraps the iterator of encoded chunks, given with their number.

    Returns:
        The file, opened for reading.

    Raises:
        VideoError: If the video cannot be read.
    """
    from stgr.io import sample_times
    from stgr.io.feature_files import FeatureFile
    from stgr.io.feature_writer import FeatureWriter

    duration_sec = video.facts().duration_sec
    times_sec = sample_times(0.0, duration_sec, rate_fps)
    frame_times_sec = _frame_times(times_sec, rate_fps, model.backbone.frames_per_step)
    chunk = model.backbone.frames_per_chunk(FRAMES_PER_CHUNK)
    provenance = feature_provenance(model, rate_fps=rate_fps, reader=video.facts().reader)
    width = model.backbone.video_dim
    with FeatureWriter(out_path, times_sec=times_sec, width=width, provenance=provenance) as writer:
        chunks: Iterable[Any] = _encoded_chunks(model, video, frame_times_sec, duration_sec, chunk)
        if progress is not None:
            chunks = progress(chunks, -(-len(frame_times_sec) // chunk))
        for frames, patches in chunks:
            writer.write(frames, patches)
    return FeatureFile(out_path)


def fill_store(
    model: 'BaseGrounder',
    videos: Sequence[tuple[str, Path]],
    store: 'FeatureStore',
    *,
    rate_fps: float,
    reader: str = 'pyav',
    progress: Progress | None = None,
) -> StoreReport:
    """Encode the videos that a store does not hold yet, or of which its file is damaged.

    A video that cannot be read is named on standard error and left out, a damaged file is named.

    Args:
        model: Whose backbone encodes.
        videos: Pairs of video id and file.
        store: Where the features go, one file per video.
        rate_fps: Features per second of video.
        reader: Registered name of the video reader.
        progress: Wraps the iterator of missing videos, given with their number.

    Returns:
        How many were encoded, and why the others could not be.

    Raises:
        ValueError: If the store holds features of another origin.
        OSError: If the disk is full.
    """
    from stgr.io import VideoError, open_video

    expected = feature_provenance(model, rate_fps=rate_fps, reader=reader)
    missing = [(name, path) for name, path in videos if not _is_stored(store, name, expected)]
    steps: Iterable[Any] = missing if progress is None else progress(missing, len(missing))
    failures = []
    for video_id, path in steps:
        try:
            with open_video(path, reader=reader) as video:
                encode_video(model, video, store.path(video_id), rate_fps=rate_fps)
        except VideoError as error:
            failures.append(str(error))
            _say(str(error))
    return StoreReport(len(missing) - len(failures), tuple(failures))


def _is_stored(store: 'FeatureStore', video_id: str, expected: Mapping[str, object]) -> bool:
    """Return whether a store holds usable features of a video; name a file that is damaged.

    Raises:
        ValueError: If they are of another origin.
    """
    from safetensors import SafetensorError

    from stgr.io.feature_files import FeatureFile

    path = store.path(video_id)
    if not store.has(video_id):
        return False
    try:
        FeatureFile(path, expected)
    except ValueError as error:
        if not isinstance(error.__cause__, SafetensorError):
            raise ValueError(
                f'{error}; to extract all again, delete {store.root} or set another store_dir'
            ) from error
        _say(f'{path}: damaged feature file ({error.__cause__}); it is encoded again')
        return False
    return True


def _say(line: str) -> None:
    from tqdm import tqdm

    tqdm.write(line, file=sys.stderr)  # above the progress bar, not into it


def _frame_times(times_sec: np.ndarray, rate_fps: float, per_step: int) -> np.ndarray:
    """Return the times of the frames of steps that begin at ``times_sec``, one after the other."""
    within_sec = np.arange(per_step) / (rate_fps * per_step)
    return (times_sec[:, None] + within_sec).ravel()


def _encoded_chunks(
    model: 'BaseGrounder',
    video: 'VideoReader',
    times_sec: np.ndarray,
    duration_sec: float,
    chunk: int,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    import torch
    from einops import rearrange

    side = model.backbone.image_size
    with torch.no_grad():
        for chunk_sec, frames in video.stream_at(times_sec, size=(side, side), chunk=chunk):
            pixels = rearrange(torch.from_numpy(frames), 'n h w c -> n c h w')
            mask = torch.from_numpy(chunk_sec < duration_sec)
            frame_features, patch_features = model.encode_frames(pixels, mask)
            yield frame_features.cpu().numpy(), patch_features.cpu().numpy()
