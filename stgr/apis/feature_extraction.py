"""Encode whole videos once: for the feature store of training, and for any number of queries."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from stgr.io.feature_files import FeatureFile, FeatureStore
    from stgr.io.video_reader import VideoReader
    from stgr.models.grounders.base_grounder import BaseGrounder

Progress = Callable[[Iterable[Any], int], Iterable[Any]]
FRAMES_PER_CHUNK = 64  # decoded and encoded at a time


def feature_provenance(model: 'BaseGrounder', *, rate_fps: float, reader: str) -> dict[str, object]:
    """Return what features of this model at this rate come from; stored with them."""
    backbone = model.backbone
    return {
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

    Decoded, encoded and written chunk by chunk, so memory does not grow with the video.

    Args:
        model: Whose backbone encodes, on its device.
        video: Open reader.
        out_path: File to write; it appears whole or not at all.
        rate_fps: Frames per second of video.
        progress: Wraps the iterator of encoded frames, given with their number.

    Returns:
        The file, opened for reading.

    Raises:
        VideoError: If the video cannot be read.
    """
    from stgr.io import sample_times
    from stgr.io.feature_files import FeatureFile
    from stgr.io.feature_writer import FeatureWriter

    times_sec = sample_times(0.0, video.facts().duration_sec, rate_fps)
    provenance = feature_provenance(model, rate_fps=rate_fps, reader=video.facts().reader)
    width = model.backbone.video_dim
    with FeatureWriter(out_path, times_sec=times_sec, width=width, provenance=provenance) as writer:
        chunks: Iterable[Any] = _encoded_chunks(model, video, times_sec)
        if progress is not None:
            chunks = progress(chunks, -(-len(times_sec) // FRAMES_PER_CHUNK))
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
) -> int:
    """Encode the videos that a store does not hold yet; return how many those were.

    Args:
        model: Whose backbone encodes.
        videos: Pairs of video id and file.
        store: Where the features go, one file per video.
        rate_fps: Frames per second of video.
        reader: Registered name of the video reader.
        progress: Wraps the iterator of missing videos, given with their number.

    Raises:
        ValueError: If the store holds features of another origin.
        VideoError: If a video cannot be read.
    """
    from stgr.io import open_video
    from stgr.io.feature_files import FeatureFile

    expected = feature_provenance(model, rate_fps=rate_fps, reader=reader)
    missing = []
    for video_id, path in videos:
        if store.has(video_id):
            FeatureFile(store.path(video_id), expected)
        else:
            missing.append((video_id, path))
    steps: Iterable[Any] = missing if progress is None else progress(missing, len(missing))
    for video_id, path in steps:
        with open_video(path, reader=reader) as video:
            encode_video(model, video, store.path(video_id), rate_fps=rate_fps)
    return len(missing)


def _encoded_chunks(
    model: 'BaseGrounder', video: 'VideoReader', times_sec: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    import torch
    from einops import rearrange

    side = model.backbone.image_size
    with torch.no_grad():
        for _, frames in video.stream_at(times_sec, size=(side, side), chunk=FRAMES_PER_CHUNK):
            pixels = rearrange(torch.from_numpy(frames), 'n h w c -> n c h w')
            frame_features, patch_features = model.encode_frames(pixels)
            yield frame_features.cpu().numpy(), patch_features.cpu().numpy()
