"""PyAV handled with care: containers that always close, errors that name the file."""

from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from stgr.io.errors import VideoError, VideoNotFoundError, missing_package

# The text-art demuxer plays any .txt file as a video of scrolling letters.
NOT_VIDEO_FORMATS = {'tty'}
# Decoders that obey skip_frame packet by packet; others read it once or never.
PER_PACKET_CODECS = {'h264', 'hevc', 'mpeg4'}
# Pictures that start later than this, and the file with them, are on a clock of their own.
LATE_START_SEC = 10
SAME_START_SEC = 1


def import_av() -> Any:
    """Return the ``av`` module, imported on first use."""
    try:
        import av
    except ImportError as error:
        raise missing_package('av', purpose='reading and writing videos') from error
    return av


def check_file(path: str) -> None:
    """Raise unless ``path`` is a file with something in it.

    Raises:
        VideoNotFoundError: If there is no such file.
        VideoError: If it is a folder or has zero bytes.
    """
    file = Path(path)
    if not file.exists():
        raise VideoNotFoundError(f'{path}: no such video file; check the path')
    if not file.is_file():
        raise VideoError(f'{path}: expected a video file, got a folder; name one file in it')
    if file.stat().st_size == 0:
        raise VideoError(f'{path}: the file is empty (0 bytes); copy or download it again')


@contextmanager
def open_stream(path: str) -> Iterator[tuple[Any, Any]]:
    """Open a file for one pass and hand out its container and its video stream (one thread).

    Raises:
        VideoNotFoundError: If there is no such file.
        VideoError: If it cannot be opened as a video or has no video stream.
    """
    check_file(path)
    av = import_av()
    try:
        container = av.open(path)
    except av.FFmpegError as error:
        raise VideoError(
            f'{path}: not a readable video ({error.strerror}); expected a complete MP4, MKV, WebM '
            'or similar file, so copy or download it again'
        ) from error
    with container:
        stream = _video_stream(container, path)
        stream.codec_context.thread_count = 1
        yield container, stream


def clock_start_sec(container: Any) -> Fraction:
    """Return which time of a file is time 0, for its pictures and its sound alike.

    0, so that a stream that starts late is late; but where the pictures start more than 10 s late
    and the file starts with them (a broadcast recording starts at hours), the start of the file, as
    in players. It is a multiple of the time base of the pictures.

    Args:
        container: An open container, with or without pictures.
    """
    stream = _main_stream(container)
    if stream is None or stream.start_time is None or container.start_time is None:
        return Fraction(0)
    file_sec = Fraction(container.start_time, import_av().time_base)
    pictures_sec = stream.start_time * stream.time_base
    if pictures_sec <= LATE_START_SEC or abs(pictures_sec - file_sec) > SAME_START_SEC:
        return Fraction(0)
    return Fraction(round(file_sec / stream.time_base) * stream.time_base)


def _video_stream(container: Any, path: str) -> Any:
    """Return the main video stream.

    Raises:
        VideoError: If there is none.
    """
    stream = _main_stream(container)
    if container.format.name in NOT_VIDEO_FORMATS or stream is None:
        found = 'only sound' if container.streams.audio else 'no video stream'
        raise VideoError(f'{path}: expected a video, found {found}; give a file with pictures')
    return stream


def _main_stream(container: Any) -> Any:
    """Return the main video stream, None without one; cover pictures of songs do not count."""
    av = import_av()
    streams = [
        stream
        for stream in container.streams.video
        if not stream.disposition & av.stream.Disposition.attached_pic
        and stream.codec_context is not None
    ]
    best = container.streams.best('video')
    return best if best in streams else next(iter(streams), None)


def demux(container: Any, stream: Any) -> Iterator[Any]:
    """Yield the non-empty packets of a stream in file order, ending quietly where reading fails."""
    for packet in packets_of(container, stream):
        if packet.size:
            yield packet


def packets_of(container: Any, stream: Any) -> Iterator[Any]:
    """Yield all packets of a stream, the empty last one too, ending quietly where reading fails.

    PyAV's iterator frees what it holds (160 bytes) only if it is closed or read to its end.
    """
    av = import_av()
    with closing(container.demux(stream)) as packets, suppress(av.FFmpegError):
        while (packet := next(packets, None)) is not None:
            yield packet


def decode_each(
    container: Any, stream: Any, damaged_sec: list[float | None] | None = None
) -> Iterator[Any]:
    """Decode every frame, stepping over the packets that cannot be decoded.

    Args:
        container: An open container.
        stream: Its video stream.
        damaged_sec: Receives the raw timestamp in seconds of each packet that failed (None if it
            has none), if given.
    """
    av = import_av()
    decoder = stream.codec_context
    for packet in demux(container, stream):
        try:
            frames = decoder.decode(packet)
        except av.FFmpegError:
            frames = []
            if damaged_sec is not None:
                pts = packet.pts
                damaged_sec.append(None if pts is None else float(pts * packet.time_base))
        yield from frames
    yield from drain(decoder)


def drain(decoder: Any) -> list[Any]:
    """Return the frames a decoder still holds back and make it ready to start at a key packet."""
    av = import_av()
    try:
        return list(decoder.decode(None))
    except av.FFmpegError:
        return []
    finally:
        decoder.flush_buffers()


def quarter_turns(frame: Any) -> int:
    """Return by how many counter-clockwise quarter turns a frame is to be shown, 0 to 3."""
    return round(frame.rotation / 90) % 4


def to_rgb(frame: Any) -> np.ndarray:
    """Return a decoded frame as it is to be shown, (H, W, 3) uint8 RGB.

    The display matrix is applied (players do; PyAV leaves it to us), non-square pixels are not.
    """
    # One thread: starting several for each frame costs more than they save.
    picture = frame.to_ndarray(format='rgb24', threads=1)
    return np.ascontiguousarray(np.rot90(picture, quarter_turns(frame)))
