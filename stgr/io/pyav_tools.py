"""PyAV handled with care: containers that always close, errors that name the file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from stgr.io.errors import VideoError, VideoNotFoundError, missing_package

# The text-art demuxer plays any .txt file as a video of scrolling letters.
NOT_VIDEO_FORMATS = {'tty'}
# Decoders that obey skip_frame packet by packet; others read it once or never.
PER_PACKET_CODECS = {'h264', 'hevc', 'mpeg4'}


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


def _video_stream(container: Any, path: str) -> Any:
    """Return the main video stream; cover pictures of songs do not count."""
    av = import_av()
    streams = [
        stream
        for stream in container.streams.video
        if not stream.disposition & av.stream.Disposition.attached_pic
        and stream.codec_context is not None
    ]
    if container.format.name in NOT_VIDEO_FORMATS or not streams:
        found = 'only sound' if container.streams.audio else 'no video stream'
        raise VideoError(f'{path}: expected a video, found {found}; give a file with pictures')
    best = container.streams.best('video')
    return best if best in streams else streams[0]


def demux(container: Any, stream: Any) -> Iterator[Any]:
    """Yield the non-empty packets of a stream in file order, ending quietly where reading fails."""
    av = import_av()
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except av.FFmpegError:
            return
        if packet is None:
            return
        if packet.size:
            yield packet


def decode_each(container: Any, stream: Any, damaged: list[Any] | None = None) -> Iterator[Any]:
    """Decode every frame, stepping over the packets that cannot be decoded.

    Args:
        container: An open container.
        stream: Its video stream.
        damaged: Receives each packet that failed, if given.
    """
    av = import_av()
    decoder = stream.codec_context
    for packet in demux(container, stream):
        try:
            frames = decoder.decode(packet)
        except av.FFmpegError:
            frames = []
            if damaged is not None:
                damaged.append(packet)
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
