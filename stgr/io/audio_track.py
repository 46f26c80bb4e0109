"""Sound for a video that is being written: AAC packets in order of time, from where it comes."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from stgr.io.errors import VideoError
from stgr.io.pyav_tools import import_av

AAC_RATE = 48_000  # every player takes it; other rates are resampled
SAMPLES_PER_FRAME = 1024


def make_track(
    audio_from: str | Path | None, audio: tuple[np.ndarray, int] | None
) -> 'AudioTrack | None':
    """Return the sound track of a file or of samples, None if neither is given.

    Args:
        audio_from: A media file with a sound track.
        audio: Mono samples, (N,), and their rate in Hz.
    """
    if audio_from is not None:
        return FileAudio(str(audio_from))
    return None if audio is None else SampleAudio(*audio)


class AudioTrack(ABC):
    """One sound track of the file being written; ``packets`` is consumed as the video grows."""

    @abstractmethod
    def add_to(self, output: Any) -> None:
        """Add the stream to an output container, before anything is written."""

    @abstractmethod
    def packets(self) -> Iterator[Any]:
        """Yield AAC packets in order of time, ready to mux."""

    def close(self) -> None:  # noqa: B027  a hook: samples have nothing to close
        """Close what was opened to read from."""


class FileAudio(AudioTrack):
    """The sound of another file on its own clock: copied if it is AAC, else encoded to AAC.

    Reading stops quietly where the source is damaged.

    Args:
        path: A media file with a sound track.

    Raises:
        VideoError: If the file cannot be opened or has no sound.
    """

    def __init__(self, path: str) -> None:
        av = import_av()
        try:
            self._input = av.open(path)
        except (av.FFmpegError, OSError) as error:
            raise VideoError(f'{path}: cannot read sound from it ({error})') from error
        if not self._input.streams.audio:
            self._input.close()
            raise VideoError(f'{path}: has no sound track; leave audio_from out')
        self._source = self._input.streams.audio[0]
        decoder = self._source.codec_context
        self._copies = decoder.name == 'aac' and bool(decoder.extradata)  # MP4 needs the latter

    def add_to(self, output: Any) -> None:  # noqa: D102  as in the base class
        if self._copies:
            self._stream = output.add_stream_from_template(self._source)
        else:
            self._stream = add_aac(output, self._source.codec_context.layout.nb_channels)

    def packets(self) -> Iterator[Any]:  # noqa: D102
        return self._copied() if self._copies else encode_aac(self._stream, self._decoded())

    def close(self) -> None:  # noqa: D102
        self._input.close()

    def _copied(self) -> Iterator[Any]:
        for packet in self._demuxed():
            packet.stream = self._stream
            yield packet

    def _decoded(self) -> Iterator[Any]:
        av = import_av()
        for packet in self._demuxed():
            try:
                yield from packet.decode()
            except av.FFmpegError:
                continue

    def _demuxed(self) -> Iterator[Any]:
        av = import_av()
        packets = self._input.demux(self._source)
        while True:
            try:
                packet = next(packets, None)
            except av.FFmpegError:
                return
            if packet is None:
                return
            if packet.dts is not None:
                yield packet


class SampleAudio(AudioTrack):
    """Sound from an array, starting at time 0.

    Args:
        samples: Mono samples in [-1, 1], (N,) float.
        rate_hz: Samples per second.

    Raises:
        ValueError: If the samples are not of shape (N,) or not finite, or the rate is not positive.
    """

    def __init__(self, samples: np.ndarray, rate_hz: int) -> None:
        samples = np.asarray(samples, np.float32)
        if samples.ndim != 1 or not np.isfinite(samples).all() or rate_hz < 1:
            raise ValueError(
                f'audio must be finite mono samples (N,) at a rate >= 1 Hz, got {samples.shape} '
                f'at {rate_hz} Hz'
            )
        self._samples, self._rate_hz = samples, int(rate_hz)

    def add_to(self, output: Any) -> None:  # noqa: D102  as in the base class
        self._stream = add_aac(output, 1)

    def packets(self) -> Iterator[Any]:  # noqa: D102
        return encode_aac(self._stream, self._frames())

    def _frames(self) -> Iterator[Any]:
        av = import_av()
        for start in range(0, len(self._samples), SAMPLES_PER_FRAME):
            block = np.clip(self._samples[None, start : start + SAMPLES_PER_FRAME], -1, 1)
            frame = av.AudioFrame.from_ndarray(block, format='fltp', layout='mono')
            frame.rate, frame.pts = self._rate_hz, start
            frame.time_base = Fraction(1, self._rate_hz)
            yield frame


def add_aac(output: Any, channels: int) -> Any:
    """Add an AAC stream, mono or stereo, to an output container and return it."""
    return output.add_stream('aac', rate=AAC_RATE, layout='mono' if channels == 1 else 'stereo')


def encode_aac(stream: Any, frames: Iterator[Any]) -> Iterator[Any]:
    """Yield the packets of audio frames after resampling them to the stream's rate and layout."""
    encoder = stream.codec_context
    resampler = import_av().AudioResampler(
        format='fltp', layout=encoder.layout, rate=AAC_RATE, frame_size=SAMPLES_PER_FRAME
    )
    for frame in frames:
        for block in resampler.resample(frame):
            yield from stream.encode(block)
    for block in resampler.resample(None):
        yield from stream.encode(block)
    yield from stream.encode(None)
