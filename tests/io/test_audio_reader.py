"""Sound comes at its time, whatever part is asked for, and is silent where there is none."""

import av
import numpy as np
import pytest

from stgr.io import VideoError, VideoWriter, audio_reader, read_audio

RATE = 16_000


@pytest.fixture(scope='module')
def steps(tmp_path_factory):
    """Six seconds; in second k a tone of 300 (k + 1) Hz."""
    path = tmp_path_factory.mktemp('steps') / 'steps.mp4'
    time = np.arange(6 * RATE) / RATE
    sound = 0.5 * np.sin(2 * np.pi * 300 * (1 + np.floor(time)) * time)
    with VideoWriter(path, 5, (64, 48), audio=(sound, RATE)) as writer:
        for _ in range(30):
            writer.write(np.zeros((48, 64, 3), np.uint8))
    return path, sound


def pitch_hz(samples):
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return np.argmax(spectrum) * RATE / len(samples)


@pytest.mark.parametrize('start_sec', [0.0, 0.1, 1.0, 2.37, 4.9])
def test_a_part_is_what_was_written_there(steps, start_sec):
    path, sound = steps

    samples, real = read_audio(path, start_sec, start_sec + 1)

    first = round(start_sec * RATE)
    assert real.all()
    assert (samples.shape, samples.dtype) == ((RATE,), np.float32)
    # By how many samples it is late: a seek lands between samples, by half of one at most.
    heard = samples[200:-200]
    late = {lag: sound[first + 200 - lag :][: len(heard)] - heard for lag in range(-3, 4)}
    off = {lag: np.sqrt(np.mean(difference**2)) for lag, difference in late.items()}
    assert min(off, key=off.get) == 0
    assert off[0] < 0.1
    # The first block was cut at its front, not at its end.
    np.testing.assert_allclose(samples[:300], sound[first : first + 300], atol=0.15)


def test_before_and_behind_the_file_there_is_masked_silence(steps):
    path, _ = steps

    samples, real = read_audio(path, -1, 8)

    assert len(samples) == 9 * RATE
    assert not real[:RATE].any()
    assert real[RATE : 7 * RATE].all()
    assert not real[7 * RATE + 1024 :].any()  # the last block of AAC may reach beyond
    assert not samples[~real].any()
    assert pitch_hz(samples[RATE + 3200 : 2 * RATE - 3200]) == pytest.approx(300, abs=3)


def test_without_an_end_all_is_read(steps):
    samples, real = read_audio(steps[0], 0)

    assert 6 * RATE <= len(samples) < 6.1 * RATE
    assert real.all()


def test_another_codec_and_rate_are_resampled(opus_file):
    samples, real = read_audio(opus_file, 0.5, 1.5)

    assert real.all()
    assert pitch_hz(samples) == pytest.approx(440, abs=2)


def test_a_video_without_sound_is_silent(clips):
    samples, real = read_audio(clips['constant'].path, 0, 0.5)

    assert samples.shape == (RATE // 2,)
    assert not samples.any()
    assert not real.any()
    assert len(read_audio(clips['constant'].path, 0)[0]) == 0


def test_a_file_that_is_missing_or_no_media_is_an_error(tmp_path):
    (tmp_path / 'junk.mp4').write_bytes(b'no video')

    with pytest.raises(VideoError, match='no such video file'):
        read_audio(tmp_path / 'gone.mp4', 0, 1)
    with pytest.raises(VideoError, match=r'junk\.mp4: cannot read sound'):
        read_audio(tmp_path / 'junk.mp4', 0, 1)


class Container:
    """An open file of which some methods are replaced."""

    def __init__(self, path, **replaced):
        self.opened = av.open(path)
        vars(self).update(replaced)

    def __getattr__(self, name):
        return getattr(self.opened, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.opened.close()


def raising(error):
    def method(*_, **__):
        raise error

    return method


@pytest.mark.parametrize('kind', [av.error.PermissionError, av.error.ArgumentError])
def test_where_a_seek_fails_the_file_is_read_from_the_start(steps, monkeypatch, kind):
    seek = raising(kind(1, 'not here'))
    monkeypatch.setattr(audio_reader, 'open_media', lambda path: Container(path, seek=seek))

    samples, real = read_audio(steps[0], 3.2, 3.8)

    assert real.all()
    assert pitch_hz(samples) == pytest.approx(1200, abs=3)


@pytest.mark.parametrize('error', [IndexError('list index'), RuntimeError('no stream')])
def test_damage_that_the_demuxer_trips_over_is_a_video_error(steps, monkeypatch, error):
    demux = raising(error)
    monkeypatch.setattr(audio_reader, 'open_media', lambda path: Container(path, demux=demux))

    with pytest.raises(
        VideoError, match=rf'steps\.mp4: its sound .*{type(error).__name__}: {error}'
    ):
        read_audio(steps[0], 0)


def test_sound_that_cannot_be_resampled_is_a_video_error(steps, monkeypatch):
    monkeypatch.setattr(av, 'AudioResampler', raising(ValueError('no such layout')))

    with pytest.raises(VideoError, match=r'steps\.mp4: its sound cannot be read .*no such layout'):
        read_audio(steps[0], 0)


def test_names_that_are_no_text_are_a_video_error(steps, monkeypatch):
    monkeypatch.setattr(av, 'open', raising(UnicodeDecodeError('utf-8', b'\xff', 0, 1, 'start')))

    with pytest.raises(VideoError, match=r'steps\.mp4: cannot read sound from it'):
        read_audio(steps[0], 0)
