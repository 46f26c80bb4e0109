"""Encode whole videos once: for the feature store of training, and for any number of queries."""

import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from stgr.io.feature_files import FeatureFile
    from stgr.io.feature_store import FeatureStore
    from stgr.io.file_store_writer import FileStoreWriter
    from stgr.io.store_writer import StoreWriter
    from stgr.io.video_reader import VideoReader
    from stgr.models.grounders.base_grounder import BaseGrounder

Progress = Callable[[Iterable[Any], int], Iterable[Any]]
Video = tuple[str, Path]
"""The id of a video and its file."""
Outcome = tuple[str, Path, str | None]
"""A video that was tried: its id, its file, and why it could not be encoded; None: it was."""
FRAMES_PER_CHUNK = 64  # decoded and encoded at a time


Outcomes = Generator[Outcome, None, None]
EncodeVideos = Callable[
    ['VideoEncoder', 'StoreWriter | FileStoreWriter', Sequence[Video]], Outcomes
]


@dataclass(frozen=True)
class StoreReport:
    """What became of the videos that a store did not hold.

    Args:
        encoded: Number of videos encoded.
        failures: Why each of the others could not be, with the name of its file.
        failed_before: Number of videos left out because they had failed in an earlier run.
        too_many_failed: Whether more failed than allowed; others may not have been tried then.
    """

    encoded: int
    failures: tuple[str, ...] = ()
    failed_before: int = 0
    too_many_failed: bool = False


def check_max_failed(max_failed: float | None) -> None:
    """Raise ``ValueError`` unless this is a share of videos, in [0, 1], or None."""
    if max_failed is not None and not 0 <= max_failed <= 1:
        raise ValueError(f'max_failed must be a share in [0, 1], but is {max_failed}')


def check_failures(reports: Sequence[StoreReport], max_failed: float | None) -> None:
    """Raise if more videos failed than may; what failed and may is said on standard error.

    Args:
        reports: What became of the videos.
        max_failed: As ``fill_store`` was given it; None: none may fail now, and those that failed
            in earlier runs are left out.

    Raises:
        ValueError: If more failed; the first is named.
    """
    encoded = sum(report.encoded for report in reports)
    before = sum(report.failed_before for report in reports)
    if before:
        sys.stderr.write(
            f'{before} videos left out that failed before (failed.jsonl of the store); '
            '--retry-failed tries them again\n'
        )
    failures = [failure for report in reports for failure in report.failures]
    too_many = any(report.too_many_failed for report in reports)
    if not failures and not too_many:
        return
    said = f'{len(failures)} of {encoded + len(failures)} videos could not be encoded'
    first = f' (first: {failures[0]})' if failures else ''
    if too_many:
        raise ValueError(
            f'{said}; with {before} that failed before this is more than the share of '
            f'{max_failed:g} allowed, so it stops{first}'
        )
    if max_failed is None:
        raise ValueError(f'{said}{first}')
    sys.stderr.write(f'{said}, which is within the share of {max_failed:g} allowed{first}\n')


class VideoEncoder:
    """Encodes videos into feature files, all in the same way; a worker makes one and keeps it.

    Args:
        model: Whose backbone encodes, on its device.
        rate_fps: Features per second of video.
        reader: Registered name of the video reader.
        patches: Whether patches are stored too.
    """

    def __init__(
        self,
        model: 'BaseGrounder',
        *,
        rate_fps: float,
        reader: str = 'pyav',
        patches: bool = True,
    ) -> None:
        self.model = model
        self.rate_fps = rate_fps
        self.reader = reader
        self.patches = patches
        self.provenance = feature_provenance(model, rate_fps=rate_fps, reader=reader)

    def encode_one(self, video: Path, out_path: Path) -> 'FeatureFile':
        """Encode a video into a feature file, which appears whole or not at all.

        Raises:
            ValueError: If the video cannot be read (``VideoError``) or its features not be stored.
        """
        from stgr.io import open_video

        with open_video(video, reader=self.reader) as reader:
            return encode_video(
                self.model,
                reader,
                out_path,
                rate_fps=self.rate_fps,
                patches=self.patches,
                provenance=self.provenance,
            )


def feature_provenance(model: 'BaseGrounder', *, rate_fps: float, reader: str) -> dict[str, object]:
    """Return what features of this model at this rate come from; stored with them."""
    backbone = model.backbone
    steps = backbone.frames_per_step
    return {
        **({'frames_per_step': steps} if steps > 1 else {}),
        'reader': reader,
        'rate_fps': rate_fps,
        'image_size': backbone.image_size,
        'crop': 'none, squashed',
        'mean': backbone.mean,
        'std': backbone.std,
        'layer': backbone.layer,
        'grid': backbone.grid,
        'backbone_sha256': backbone.fingerprint,
    }


def encode_video(
    model: 'BaseGrounder',
    video: 'VideoReader',
    out_path: str | Path,
    *,
    rate_fps: float,
    span_sec: tuple[float, float] | None = None,
    patches: bool = True,
    provenance: Mapping[str, object] | None = None,
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
        span_sec: Only the frames ``k / rate_fps`` in ``[start, end)``, which makes no difference to
            them unless the backbone looks at neighbours beyond it; None: the whole video.
        patches: Whether to store patches too: 50 times the bytes for a 7 x 7 grid.
        provenance: What ``feature_provenance`` says of these settings; None: it is asked, which
            hashes all weights.
        progress: Wraps the iterator of encoded chunks, given with their number.

    Returns:
        The file, opened for reading.

    Raises:
        VideoError: If the video cannot be read.
        ValueError: If no frame lies in the span.
    """
    from stgr.io import sample_times
    from stgr.io.feature_files import FeatureFile
    from stgr.io.feature_writer import FeatureWriter

    duration_sec = video.facts().duration_sec
    times_sec = _inside(sample_times(0.0, duration_sec, rate_fps), span_sec)
    frame_times_sec = _frame_times(times_sec, rate_fps, model.backbone.frames_per_step)
    chunk = model.backbone.frames_per_chunk(FRAMES_PER_CHUNK)
    if provenance is None:
        provenance = feature_provenance(model, rate_fps=rate_fps, reader=video.facts().reader)
    with FeatureWriter(
        out_path,
        times_sec=times_sec,
        width=model.backbone.video_dim,
        patch_width=model.backbone.patch_dim,
        provenance=provenance,
        has_patches=patches,
    ) as writer:
        chunks: Iterable[Any] = _encoded_chunks(model, video, frame_times_sec, duration_sec, chunk)
        if progress is not None:
            chunks = progress(chunks, -(-len(frame_times_sec) // chunk))
        for frames, patch_features in chunks:
            writer.write(frames, patch_features if patches else None)
    return FeatureFile(out_path)


def fill_store(
    model: 'BaseGrounder',
    videos: Sequence[tuple[str, Path]],
    store: 'FeatureStore',
    *,
    rate_fps: float,
    reader: str = 'pyav',
    patches: bool = True,
    sharded: bool | None = None,
    retry_failed: bool = False,
    encode: EncodeVideos | None = None,
    max_failed: float | None = None,
    progress: Progress | None = None,
) -> StoreReport:
    """Encode the videos that a store does not hold yet, or of which its file is damaged.

    A video that cannot be encoded is named on standard error, put on the store's list of failures
    and left out, also by later runs; a damaged file is named. What is encoded when the run is
    killed stays. Several processes may fill a store of shards, even with the same videos.

    Args:
        model: Whose backbone encodes.
        videos: Pairs of video id and file.
        store: Where the features go.
        rate_fps: Features per second of video.
        reader: Registered name of the video reader.
        patches: Whether to store patches too; the same for all of a store.
        sharded: Whether a new store has shards or one file per video; None: files. A store that
            holds something goes on as it is.
        retry_failed: Try again what failed in earlier runs.
        encode: Encodes the missing videos and yields the outcome of each, in any order; None: here,
            one after the other.
        max_failed: Share of all videos that may fail, earlier runs included; when more have, the
            others are not tried. None: all are tried.
        progress: Wraps the iterator of these outcomes, given with their number.

    Returns:
        How many were encoded, and why the others could not be.

    Raises:
        ValueError: If the store holds features of another origin.
        OSError: If the disk is full.
    """
    from stgr.io.failed_videos import FailedVideos

    encoder = VideoEncoder(model, rate_fps=rate_fps, reader=reader, patches=patches)
    failed = FailedVideos(store.root)
    if retry_failed:
        failed.forget({video_id for video_id, _ in videos})
    given_up = failed.read()
    failures: list[str] = []
    with open_writer(store, encoder, sharded=bool(sharded)) as writer:
        missing = _missing(videos, writer, store)
        tried = [(video_id, path) for video_id, path in missing if video_id not in given_up]
        before = len(missing) - len(tried)
        allowed = len(tried) if max_failed is None else max_failed * len(videos) - before
        done = 0
        known = len(writer.notices)
        for notice in writer.notices:
            say_aside(notice)
        encoding = (encode or _encode_here)(encoder, writer, tried if allowed >= 0 else [])
        outcomes = encoding if progress is None else progress(encoding, len(tried))
        for video_id, path, reason in outcomes:
            done += 1
            if reason is not None:
                failures.append(reason)
                failed.add(video_id, path, reason)
                say_aside(reason)
            if len(failures) > allowed:
                break
        encoding.close()
    for notice in writer.notices[known:]:
        say_aside(notice)
    return StoreReport(done - len(failures), tuple(failures), before, len(failures) > allowed)


def encode_into(
    encoder: VideoEncoder, writer: 'StoreWriter | FileStoreWriter', video_id: str, path: Path
) -> str | None:
    """Encode a video into a store; return why it could not be, None if it was."""
    try:
        encoder.encode_one(path, writer.path(video_id))
    except ValueError as error:
        return str(error)
    writer.add(video_id)
    return None


def _encode_here(
    encoder: VideoEncoder, writer: 'StoreWriter | FileStoreWriter', videos: Sequence[Video]
) -> Outcomes:
    for video_id, path in videos:
        yield video_id, path, encode_into(encoder, writer, video_id, path)


def open_writer(
    store: 'FeatureStore', encoder: VideoEncoder, *, sharded: bool
) -> 'StoreWriter | FileStoreWriter':
    """Return a writer of the kind that the store has, or is to have if it is empty."""
    from stgr.io.file_store_writer import FileStoreWriter
    from stgr.io.store_writer import StoreWriter

    holds_files = not store.is_sharded and store.num_files() > 0
    kind = StoreWriter if store.is_sharded or (sharded and not holds_files) else FileStoreWriter
    return kind(store.root, encoder.provenance, has_patches=encoder.patches)


def _missing(
    videos: Sequence[tuple[str, Path]],
    writer: 'StoreWriter | FileStoreWriter',
    store: 'FeatureStore',
) -> list[tuple[str, Path]]:
    """Return the videos that are not stored.

    Raises:
        ValueError: If features of another origin are.
    """
    try:
        return [(video_id, path) for video_id, path in videos if not writer.has(video_id)]
    except ValueError as error:
        raise ValueError(
            f'{error}; to extract all again, delete {store.root} or set another store_dir'
        ) from error


def say_aside(line: str) -> None:
    """Write a line to standard error, beside a progress bar if there is one."""
    from tqdm import tqdm

    tqdm.write(line, file=sys.stderr)  # above the progress bar, not into it


def _inside(times_sec: np.ndarray, span_sec: tuple[float, float] | None) -> np.ndarray:
    """Return the times in a span, all without one."""
    if span_sec is None:
        return times_sec
    inside = times_sec[(times_sec >= span_sec[0]) & (times_sec < span_sec[1])]
    if not len(inside):
        raise ValueError(f'no frame to encode in [{span_sec[0]:g}, {span_sec[1]:g}) s')
    return inside


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
