"""Read the sound of a video between two times, as mono samples at one rate."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from stgr.io.audio_track import open_media, timed_packets
from stgr.io.errors import VideoError
from stgr.io.pyav_tools import check_file, clock_start_sec, drain, import_av

# Decoders need some packets before the first one that they give back whole.
WARM_UP_SEC = 0.25
# Blocks that follow each other closer than this are one sound: their times are rounded.
JITTER_SEC = 0.01


def read_audio(
    path: str | Path, start_sec: float, end_sec: float | None = None, *, rate_hz: int = 16_000
) -> tuple[np.ndarray, np.ndarray]:
    """Return what is heard in a file between two times on the clock of its pictures.

    It is the first sound track that has a decoder, its channels mixed. Packets that cannot be
    decoded are left out. A part may lie up to half a sample off: seeking lands between samples.

    Args:
        path: A media file, with or without sound.
        start_sec: Time of the first sample; may lie before the file.
        end_sec: Time after the last one; may lie behind the file. None: where the sound ends.
        rate_hz: Samples per second to resample to.

    Returns:
        Samples in [-1, 1], (S,) float32, S the rounded product of length and rate, and where there
        is sound, (S,) bool: samples are 0 and False before and behind it, in its gaps, and
        throughout in a file without a sound track.

    Raises:
        VideoNotFoundError: If there is no such file.
        VideoError: If it cannot be opened, or is damaged so that its sound cannot be made out.
    """
    check_file(str(path))
    limit = None if end_sec is None else max(0, round((end_sec - start_sec) * rate_hz))
    blocks: deque[tuple[int, np.ndarray]] = deque()
    end: int | None = None
    with open_media(str(path)) as container, _damage_named(path):
        for at, block in _blocks(container, start_sec, rate_hz):
            if limit is not None and at >= limit:
                break
            if end is not None and abs(at - end) < JITTER_SEC * rate_hz:
                at = end
            end = at + len(block)
            if end > 0:
                blocks.append((at, block))
    return _assembled(blocks, max(end or 0, 0) if limit is None else limit)


@contextmanager
def _damage_named(path: str | Path) -> Iterator[None]:
    """Make a VideoError of whatever reading the sound of a file raises."""
    try:
        yield
    except (VideoError, MemoryError):
        raise
    except Exception as error:  # damaged bytes make demuxer and resampler fail in any way
        reason = f'{type(error).__name__}: {error}'
        raise VideoError(
            f'{path}: its sound cannot be read ({reason}); copy or download the file again'
        ) from error


def _assembled(blocks: deque[tuple[int, np.ndarray]], length: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the samples from 0 to ``length`` of blocks that begin anywhere, and where they lie.

    The blocks are used up, so that they and the samples are not in memory together.
    """
    samples, real = np.zeros(length, np.float32), np.zeros(length, bool)
    while blocks:
        at, block = blocks.popleft()
        cut = block[max(0, -at) : max(0, length - at)]
        begin = max(at, 0)
        samples[begin : begin + len(cut)] = np.clip(np.nan_to_num(cut), -1, 1)
        real[begin : begin + len(cut)] = True
    return samples, real


def _blocks(container: Any, start_sec: float, rate_hz: int) -> Iterator[tuple[int, np.ndarray]]:
    """Yield resampled pieces of the sound in order, each with its place relative to the start."""
    streams = [s for s in container.streams.audio if s.codec_context is not None]
    if not streams:
        return
    stream = streams[0]
    if start_sec > WARM_UP_SEC:
        begin_sec = float(clock_start_sec(container)) + start_sec - WARM_UP_SEC
        with suppress(import_av().FFmpegError):  # then it is read from the start
            container.seek(int(begin_sec / stream.time_base), stream=stream)
    for out in _resampled(_frames(container, stream), rate_hz):
        time_sec = float(out.pts * out.time_base)
        yield round((time_sec - start_sec) * rate_hz), out.to_ndarray()[0]


def _resampled(frames: Iterator[Any], rate_hz: int) -> Iterator[Any]:
    """Yield frames as mono at one rate; their kind may change on the way."""
    av = import_av()
    resampler, before = None, None
    for frame in frames:
        kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        if resampler is None or kind != before:  # a resampler takes one kind
            if resampler is not None:
                yield from resampler.resample(None)
            resampler = av.AudioResampler(format='flt', layout='mono', rate=rate_hz)
            before = kind
        yield from resampler.resample(frame)
    if resampler is not None:
        yield from resampler.resample(None)


def _frames(container: Any, stream: Any) -> Iterator[Any]:
    """Yield the decoded frames of a stream that have a time, then those still held back."""
    av = import_av()
    for packet in timed_packets(container, stream):
        try:
            frames = packet.decode()
        except av.FFmpegError:
            continue
        yield from (frame for frame in frames if frame.pts is not None)
    yield from (frame for frame in drain(stream.codec_context) if frame.pts is not None)
