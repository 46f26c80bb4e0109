"""Sound for a video that is being written: AAC packets in order of time, from where it comes.

Sound is the lesser half of a video: what of it cannot be used is left out with a warning, and the
pictures are written all the same.
"""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from stgr.io.errors import VideoError
from stgr.io.pyav_tools import clock_start_sec, import_av, packets_of

AAC_RATE = 48_000  # every player takes it; other rates are resampled
SAMPLES_PER_FRAME = 1024
PROBED_PACKETS = 500  # about ten seconds; a track of which none decodes is passed over
ADTS_SYNC = 0xFFF  # no AAC packet of a container begins so, and MP4 refuses one that does


def make_track(
    audio_from: str | Path | None, audio: tuple[np.ndarray, int] | None
) -> 'AudioTrack | None':
    """Return the sound track of a file or of samples, None if neither is given.

    Of several tracks of a file it is the first that can be decoded; if none can, there is a warning
    and no sound.

    Args:
        audio_from: A media file with a sound track.
        audio: Mono samples, (N,), and their rate in Hz.

    Raises:
        VideoError: If the file cannot be opened or has no sound track at all.
    """
    if audio_from is not None:
        return _first_readable(str(audio_from))
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

    Packets that are damaged or out of order are left out. Where nothing more can be made of the
    sound, it ends with a warning; where the file breaks off, it ends quietly.

    Args:
        path: A media file with a sound track.
        track: Which of its sound tracks, from 0; it must have a decoder.

    Raises:
        VideoError: If the file cannot be opened.
    """

    def __init__(self, path: str, track: int = 0) -> None:
        self._path = path
        self._input = open_media(path)
        self._source = self._input.streams.audio[track]
        decoder = self._source.codec_context
        # MP4 needs what describes the stream to come before it.
        self._copies = decoder.name == 'aac' and bool(decoder.extradata and decoder.sample_rate)

    def add_to(self, output: Any) -> None:  # noqa: D102  as in the base class
        if self._copies:
            self._stream = output.add_stream_from_template(self._source)
        else:
            self._stream = add_aac(output, self._source.codec_context.layout.nb_channels)

    def packets(self) -> Iterator[Any]:  # noqa: D102
        packets = self._copied() if self._copies else encode_aac(self._stream, self._decoded())
        rate_hz = self._source.codec_context.sample_rate if self._copies else AAC_RATE
        return in_order(self._until_trouble(packets), rate_hz)

    def close(self) -> None:  # noqa: D102
        self._input.close()

    def _until_trouble(self, packets: Iterator[Any]) -> Iterator[Any]:
        try:
            yield from packets
        except Exception as error:
            warnings.warn(f'{self._path}: the sound ends early ({error})', stacklevel=2)

    def _copied(self) -> Iterator[Any]:
        for packet in timed_packets(self._input, self._source):
            if int.from_bytes(bytes(packet)[:2], 'big') >> 4 == ADTS_SYNC:
                continue
            packet.stream = self._stream
            yield packet

    def _decoded(self) -> Iterator[Any]:
        av = import_av()
        for packet in timed_packets(self._input, self._source):
            try:
                yield from packet.decode()
            except av.FFmpegError:
                continue


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
    """Yield the packets of audio frames after resampling them to the stream's rate and layout.

    Rate, layout and format of the frames may change on the way; up to a packet (21 ms) of sound is
    lost there, because only the last packet of a stream may be short.
    """
    resampler, before = _resampler(stream), None
    for frame in frames:
        kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        if before not in (None, kind):
            for block in resampler.resample(None):
                if block.samples == SAMPLES_PER_FRAME:
                    yield from stream.encode(block)
            resampler = _resampler(stream)
        before = kind
        for block in resampler.resample(frame):
            yield from stream.encode(block)
    for block in resampler.resample(None):
        yield from stream.encode(block)
    yield from stream.encode(None)


def in_order(packets: Iterator[Any], rate_hz: int) -> Iterator[Any]:
    """Yield the packets whose times ascend; a container refuses the others, and all the video.

    Args:
        packets: Packets of one stream.
        rate_hz: Samples per second; packets less than one sample apart count as simultaneous.
    """
    earliest_sec = None
    for packet in packets:
        if packet.dts is None or packet.pts is None or packet.pts < packet.dts:
            continue
        time_sec = packet.dts * packet.time_base
        if earliest_sec is None or time_sec >= earliest_sec:
            earliest_sec = time_sec + Fraction(1, rate_hz)
            yield packet


def _resampler(stream: Any) -> Any:
    return import_av().AudioResampler(
        format='fltp',
        layout=stream.codec_context.layout,
        rate=AAC_RATE,
        frame_size=SAMPLES_PER_FRAME,
    )


def _first_readable(path: str) -> FileAudio | None:
    """Return the first sound track that can be decoded; warn and return None if none can.

    Raises:
        VideoError: If the file cannot be opened or has no sound track at all.
    """
    with open_media(path) as container:
        count = len(container.streams.audio)
    if not count:
        raise VideoError(f'{path}: has no sound track; leave audio_from out')
    for track in range(count):
        if _can_be_decoded(path, track):
            return FileAudio(path, track)
    warnings.warn(
        f'{path}: none of its {count} sound tracks can be decoded; the video is written without',
        stacklevel=2,
    )
    return None


def _can_be_decoded(path: str, track: int) -> bool:
    """Return whether there is a decoder and it gives a frame for one of the first packets."""
    with open_media(path) as container:
        stream = container.streams.audio[track]
        if stream.codec_context is None:
            return False
        for packet in islice(timed_packets(container, stream), PROBED_PACKETS):
            try:
                if packet.decode():
                    return True
            except Exception:
                continue
    return False


def open_media(path: str) -> Any:
    """Open a media file for its sound.

    Raises:
        VideoError: If it cannot be opened.
    """
    av = import_av()
    try:
        return av.open(path)
    except Exception as error:  # damaged bytes make it fail in any way, UnicodeDecodeError too
        raise VideoError(f'{path}: cannot read sound from it ({error})') from error


def timed_packets(container: Any, stream: Any) -> Iterator[Any]:
    """Yield the packets of a stream that have a time, ending quietly where reading fails.

    Their times count from where those of the pictures do (see ``clock_start_sec``).
    """
    late = round(clock_start_sec(container) / stream.time_base)
    for packet in packets_of(container, stream):
        if packet.dts is None:
            continue
        packet.dts -= late
        if packet.pts is not None:
            packet.pts -= late
        yield packet
