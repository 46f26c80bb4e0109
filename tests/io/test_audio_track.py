"""Sound that cannot be used costs the sound at most, never the video."""

import warnings
from fractions import Fraction

import av
import numpy as np
import pytest

from stgr.io import open_video, write_video
from stgr.io.audio_track import in_order

FRAMES = 20  # at 10 per second


def sine(pitch_hz, rate_hz, *, seconds=2):
    return 0.5 * np.sin(2 * np.pi * pitch_hz * np.arange(seconds * rate_hz) / rate_hz)


def encode(stream, samples, rate_hz):
    """Yield the packets of mono samples (N,) in a stream of any layout."""
    context = stream.codec_context
    resampler = av.AudioResampler(context.format, context.layout, rate_hz, frame_size=1024)
    for start in range(0, len(samples), 1024):
        block = samples[None, start : start + 1024].astype(np.float32)
        frame = av.AudioFrame.from_ndarray(block, format='fltp', layout='mono')
        frame.rate, frame.pts = rate_hz, start
        for part in resampler.resample(frame):
            yield from stream.encode(part)
    for part in resampler.resample(None):
        yield from stream.encode(part)
    yield from stream.encode(None)


@pytest.fixture
def two_tracks(tmp_path):
    """Sound of 440 Hz, then of 880 Hz, as two AAC tracks of one file."""
    path = tmp_path / 'two.mp4'
    with av.open(path, 'w') as output:
        streams = [output.add_stream('aac', rate=48_000, layout='mono') for _ in range(2)]
        for stream, pitch_hz in zip(streams, (440, 880), strict=True):
            output.mux(list(encode(stream, sine(pitch_hz, 48_000), 48_000)))
    return path


def without_decoder(path, *, tracks):
    """Name the format of the first tracks of an MP4 file so that nothing can decode it."""
    content = path.read_bytes().replace(b'mp4a', b'mhm1', tracks).replace(b'esds', b'free', tracks)
    path.write_bytes(content)
    with av.open(path) as container:
        assert [s.codec_context is None for s in container.streams.audio[:tracks]] == [
            True
        ] * tracks
    return path


def bite_sound(path, packets):
    """Overwrite packets of the first sound track."""
    with av.open(path) as container:
        chosen = [packet for packet in container.demux(audio=0) if packet.size][packets]
        places = [(packet.pos, packet.size) for packet in chosen]
    content = bytearray(path.read_bytes())
    for position, size in places:
        content[position : position + size] = b'\xff' * size
    path.write_bytes(content)
    return path


@pytest.fixture
def written(make_frame, tmp_path):
    """Return a function that writes a video with the sound of a file."""

    def write(audio_from):
        path = tmp_path / 'written.mp4'
        write_video(path, (make_frame(k) for k in range(FRAMES)), 10, audio_from=audio_from)
        with open_video(path) as video:
            assert len(video.timeline.times_sec) == FRAMES
        return path

    return write


def samples_of(path):
    """Samples of the first channel, (N,), empty without a sound track."""
    with av.open(path) as container:
        if not container.streams.audio:
            return np.zeros(0)
        return np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])


def pitch_hz(samples, rate_hz=48_000):
    return np.abs(np.fft.rfft(samples)).argmax() * rate_hz / len(samples)


def test_first_track_is_taken_if_it_can_be_decoded(two_tracks, written):
    assert pitch_hz(samples_of(written(two_tracks))) == pytest.approx(440, abs=2)


def test_track_without_a_decoder_gives_way_to_the_next(two_tracks, written):
    source = without_decoder(two_tracks, tracks=1)

    with warnings.catch_warnings():
        warnings.simplefilter('error')
        path = written(source)

    assert pitch_hz(samples_of(path)) == pytest.approx(880, abs=2)


def test_track_of_which_nothing_can_be_decoded_gives_way_to_the_next(two_tracks, written):
    source = bite_sound(two_tracks, slice(None))

    assert pitch_hz(samples_of(written(source))) == pytest.approx(880, abs=2)


def test_video_is_written_without_sound_if_no_track_can_be_decoded(two_tracks, written):
    source = without_decoder(two_tracks, tracks=2)

    with pytest.warns(UserWarning, match=r'two\.mp4: none of its 2 sound tracks can be decoded'):
        path = written(source)

    assert len(samples_of(path)) == 0


@pytest.mark.parametrize('packets', [slice(0, 1), slice(3, 5)])
def test_damaged_packets_of_sound_that_is_copied_are_left_out(packets, two_tracks, written):
    samples = samples_of(written(bite_sound(two_tracks, packets)))

    assert pitch_hz(samples) == pytest.approx(440, abs=2)
    assert len(samples) / 48_000 == pytest.approx(2, abs=0.15)


def test_sound_goes_on_where_its_format_changes(tmp_path, written):
    parts = []
    for rate_hz, layout, pitch in ((16_000, 'mono', 440), (48_000, 'stereo', 880)):
        part = tmp_path / f'{rate_hz}.aac'
        with av.open(part, 'w') as output:
            stream = output.add_stream('aac', rate=rate_hz, layout=layout)
            output.mux(list(encode(stream, sine(pitch, rate_hz, seconds=1), rate_hz)))
        parts.append(part.read_bytes())
    (tmp_path / 'changing.aac').write_bytes(b''.join(parts))

    samples = samples_of(written(tmp_path / 'changing.aac'))

    assert pitch_hz(samples[4_800:43_200]) == pytest.approx(440, abs=5)
    assert pitch_hz(samples[62_400:86_400]) == pytest.approx(880, abs=5)


def test_sound_that_fails_on_the_way_ends_with_a_warning(opus_file, written, monkeypatch):
    resample = []

    class Failing:
        def __init__(self, **_):
            pass

        def resample(self, frame):
            resample.append(frame)
            raise ValueError('no such layout')

    monkeypatch.setattr(av, 'AudioResampler', Failing)
    with pytest.warns(UserWarning, match=r'tone\.ogg: the sound ends early \(no such layout\)'):
        path = written(opus_file)

    assert len(resample) == 1
    assert len(samples_of(path)) == 0


def test_packets_out_of_order_are_left_out():
    times = [
        (-20, -20),
        (0, 0),
        (0, 0),
        (20, 20),
        (5, 5),
        (None, 40),
        (40, None),
        (60, 50),
        (40, 45),
    ]

    def packets():
        for dts, pts in times:
            packet = av.Packet(1)
            packet.dts, packet.pts, packet.time_base = dts, pts, Fraction(1, 1000)
            yield packet

    kept = [(packet.dts, packet.pts) for packet in in_order(packets(), 1000)]

    assert kept == [(-20, -20), (0, 0), (20, 20), (40, 45)]


def test_packets_nearer_than_a_sample_are_left_out():
    def packets():
        for dts in (0, 5, 10):
            packet = av.Packet(1)
            packet.dts = packet.pts = dts
            packet.time_base = Fraction(1, 10_000)
            yield packet

    assert [packet.dts for packet in in_order(packets(), 1000)] == [0, 10]
