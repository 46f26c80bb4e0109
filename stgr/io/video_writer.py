"""Writing videos that browsers play: H.264 in MP4, with sound, complete or not at all."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from stgr.io.atomic import FULL_DISK
from stgr.io.audio_track import AudioTrack, make_track
from stgr.io.errors import VideoError
from stgr.io.pyav_tools import import_av

TICK_RATE = 90_000  # ticks per second: a multiple of the usual frame rates
KEY_EVERY_SEC = 2  # players can jump this finely
BT601, LIMITED_RANGE = 6, 1  # what swscale makes of RGB; stated, so that players do not guess


class VideoWriter:
    """Writes RGB frames to an MP4 file: H.264, yuv420p, index in front so that it streams.

    The file is written beside ``path`` and takes its name when it is complete: if anything goes
    wrong nothing is left, and an older file stays. Sound ends with the pictures. The same frames
    give the same bytes with one PyAV version (the encoder runs in one thread).

    Args:
        path: The file to write; its folder is made if need be.
        fps: Frames per second, > 0.
        size: Width and height of the frames in pixels. H.264 wants even numbers: an odd one is
            padded by repeating the last column or row.
        audio_from: A media file whose sound is added on its own clock, copied if it is AAC and
            else encoded to AAC; None adds none.
        audio: Mono samples in [-1, 1], (N,) float, and their rate in Hz; None adds none.
        quality: x264's rate factor, 0 (lossless) to 51; 20 looks clean.
        preset: x264's speed preset.

    Raises:
        ValueError: If an argument is out of range or both kinds of sound are given.
        VideoError: If ``audio_from`` has no sound track (raised on entering the context).

    Example:
        with VideoWriter('overlay.mp4', 25, (640, 360), audio_from='kitchen.mp4') as writer:
            writer.write(frame)
    """

    def __init__(
        self,
        path: str | Path,
        fps: float | Fraction,
        size: tuple[int, int],
        *,
        audio_from: str | Path | None = None,
        audio: tuple[np.ndarray, int] | None = None,
        quality: int = 20,
        preset: str = 'veryfast',
    ) -> None:
        if not (0 < fps < TICK_RATE and len(size) == 2 and min(size) >= 1):
            raise ValueError(f'expected fps > 0 and a positive (width, height), got {fps}, {size}')
        if audio_from is not None and audio is not None:
            raise ValueError('give audio_from or audio, not both')
        self.path = Path(path)
        self._part = self.path.with_name(f'.{self.path.name}.{os.getpid()}.part')
        self._width, self._height = size
        self._rate = Fraction(fps).limit_denominator(1001)
        self._step = Fraction(TICK_RATE) / self._rate
        self._options = {'crf': str(quality), 'preset': preset, 'threads': '1'}
        self._audio_from, self._audio = audio_from, audio
        self._output: Any = None
        self._track: AudioTrack | None = None

    def __enter__(self) -> Self:
        with self._nothing_left_on_error():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._track = make_track(self._audio_from, self._audio)
            self._open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            self._discard()
            return
        with self._nothing_left_on_error():
            self._finish()

    def write(self, frame: np.ndarray, time_sec: float | None = None) -> None:
        """Append a frame.

        Args:
            frame: RGB picture of the stated size, (H, W, 3) uint8.
            time_sec: When it is shown, >= 0 and after the frame before; None: 1 / fps after it.

        Raises:
            ValueError: If the shape, the type or the time is wrong.
            OSError: If the disk is full.
        """
        expected = (self._height, self._width, 3)
        if frame.shape != expected or frame.dtype != np.uint8:
            raise ValueError(f'expected a frame {expected} uint8, got {frame.shape} {frame.dtype}')
        if self._output is None:
            raise ValueError(f'{self.path}: not open; use "with VideoWriter(...) as writer"')
        self._next_tick = self._check_tick(time_sec)
        with self._nothing_left_on_error():
            self._output.mux(self._stream.encode(self._picture(frame)))
            self._mux_sound_until(self._next_tick)
        self._next_tick += self._step

    def _open(self) -> None:
        """Create the unfinished file with its streams."""
        self._output = import_av().open(
            str(self._part), 'w', format='mp4', container_options={'movflags': '+faststart'}
        )
        self._stream = self._output.add_stream('libx264', rate=self._rate, options=self._options)
        self._stream.width = self._width + self._width % 2
        self._stream.height = self._height + self._height % 2
        self._stream.pix_fmt = 'yuv420p'
        self._converter = import_av().video.reformatter.VideoReformatter()
        encoder = self._stream.codec_context
        encoder.time_base = Fraction(1, TICK_RATE)
        encoder.gop_size = max(round(KEY_EVERY_SEC * self._rate), 1)
        encoder.colorspace, encoder.color_range = BT601, LIMITED_RANGE
        if self._track is not None:
            self._track.add_to(self._output)
        self._sound = iter(()) if self._track is None else self._track.packets()
        self._held_sound = next(self._sound, None)
        self._next_tick, self._count = Fraction(0), 0

    def _check_tick(self, time_sec: float | None) -> Fraction:
        """Return the timestamp of the next frame in ticks; a full step follows the last one."""
        if time_sec is None:
            return self._next_tick
        tick = Fraction(round(time_sec * TICK_RATE))
        earliest = self._next_tick - self._step + 1 if self._count else 0
        if tick < earliest:
            raise ValueError(f'frame times must ascend from 0 s, got {time_sec} s out of turn')
        return tick

    def _picture(self, frame: np.ndarray) -> Any:
        """Return the frame as the encoder takes it, with its timestamp."""
        if self._height % 2 or self._width % 2:
            padding = ((0, self._height % 2), (0, self._width % 2), (0, 0))
            frame = np.pad(frame, padding, mode='edge')
        frame = np.ascontiguousarray(frame)
        picture = import_av().VideoFrame.from_ndarray(frame, format='rgb24')
        # One converter for all frames: a new one per frame, with its threads, costs 3 times more.
        picture = self._converter.reformat(picture, format='yuv420p', threads=1)
        picture.pts, picture.time_base = round(self._next_tick), Fraction(1, TICK_RATE)
        self._count += 1
        return picture

    def _mux_sound_until(self, tick: Fraction) -> None:
        """Add the sound that begins before a tick, so that pictures and sound lie side by side."""
        while self._held_sound is not None:
            packet = self._held_sound
            if packet.pts * packet.time_base * TICK_RATE >= tick:
                return
            self._output.mux(packet)
            self._held_sound = next(self._sound, None)

    def _finish(self) -> None:
        if self._count == 0:
            raise VideoError(f'{self.path}: no frame was written; write at least one')
        self._output.mux(self._stream.encode(None))
        self._mux_sound_until(self._next_tick)
        self._close()
        self._part.replace(self.path)

    def _close(self) -> None:
        output, self._output = self._output, None
        try:
            if output is not None:
                output.close()
        finally:
            if self._track is not None:
                self._track.close()

    def _discard(self) -> None:
        with suppress(Exception):  # closing a broken file fails again; the first error counts
            self._close()
        self._part.unlink(missing_ok=True)

    @contextmanager
    def _nothing_left_on_error(self) -> Iterator[None]:
        """Remove the unfinished file if the block fails; say so plainly if the disk is full."""
        try:
            yield
        except BaseException as error:
            self._discard()
            if getattr(error, 'errno', None) in FULL_DISK:
                message = 'no space left for the video; free some or write it elsewhere'
                raise OSError(error.errno, message, str(self.path)) from error  # type: ignore[attr-defined]
            raise


def write_video(
    path: str | Path,
    frames: Iterable[np.ndarray],
    fps: float | Fraction,
    *,
    audio_from: str | Path | None = None,
) -> None:
    """Write frames of one size to an MP4 file; see ``VideoWriter``.

    Args:
        path: The file to write.
        frames: RGB pictures, each (H, W, 3) uint8, at least one.
        fps: Frames per second.
        audio_from: A media file whose sound is added; None adds none.

    Raises:
        VideoError: If there is no frame.
    """
    pictures = iter(frames)
    first = next(pictures, None)
    if first is None:
        raise VideoError(f'{path}: no frame was given; write at least one')
    height, width = first.shape[:2]
    with VideoWriter(path, fps, (width, height), audio_from=audio_from) as writer:
        writer.write(first)
        for frame in pictures:
            writer.write(frame)
