import signal
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from stgr.io import VideoError, VideoWriter, open_video, write_video

SIZE = (128, 64)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def read_all(path):
    with open_video(path) as video:
        return video.facts(), video.timeline.times_sec, video.read_at(video.timeline.times_sec)


def sound_of(path) -> tuple[str, np.ndarray, float]:
    """Codec, samples of the first channel and time of the first one."""
    with av.open(path) as container:
        stream = container.streams.audio[0]
        frames = list(container.decode(stream))
        samples = np.concatenate([frame.to_ndarray()[0] for frame in frames])
        return stream.codec_context.name, samples, frames[0].time


def pitch_hz(samples: np.ndarray, rate_hz: int = 48_000) -> float:
    return np.abs(np.fft.rfft(samples)).argmax() * rate_hz / len(samples)


def test_what_is_written_is_read_back(tmp_path, make_frame, read_numbers):
    frames = [make_frame(number) for number in range(30)]
    write_video(tmp_path / 'new' / 'clip.mp4', frames, 30_000 / 1001)

    facts, times_sec, found = read_all(tmp_path / 'new' / 'clip.mp4')

    np.testing.assert_allclose(times_sec, np.arange(30) * 1001 / 30_000, atol=1 / 90_000)
    assert facts.duration_sec == pytest.approx(30 * 1001 / 30_000, abs=1e-4)
    assert facts.fps == pytest.approx(29.97, abs=0.001)
    assert read_numbers(found) == list(range(30))
    assert names_in(tmp_path / 'new') == ['clip.mp4']


def test_browsers_can_play_it(tmp_path, make_frame):
    write_video(tmp_path / 'clip.mp4', [make_frame(k) for k in range(5)], 10)

    content = (tmp_path / 'clip.mp4').read_bytes()
    with av.open(tmp_path / 'clip.mp4') as container:
        codec = container.streams.video[0].codec_context
        assert (codec.name, codec.pix_fmt) == ('h264', 'yuv420p')
    assert content.index(b'moov') < content.index(b'mdat')  # starts before all of it has come


def test_odd_sizes_gain_a_repeated_row_and_column(tmp_path):
    frame = np.zeros((31, 41, 3), np.uint8)
    frame[:, 20:] = 200
    write_video(tmp_path / 'odd.mp4', [frame] * 3, 10)

    facts, _, found = read_all(tmp_path / 'odd.mp4')

    assert (facts.width, facts.height) == (42, 32)
    assert found[0, 31, 41].tolist() == pytest.approx([200] * 3, abs=4)


def test_grey_and_primary_colours_survive(tmp_path):
    frame = np.zeros((64, 128, 3), np.uint8)
    for block, colour in enumerate([(255, 0, 0), (0, 255, 0), (0, 0, 255), (128, 128, 128)]):
        frame[:, block * 32 : block * 32 + 32] = colour
    write_video(tmp_path / 'colours.mp4', [frame], 10)

    found = read_all(tmp_path / 'colours.mp4')[2][0]

    np.testing.assert_allclose(found[32, 16::32], frame[32, 16::32], atol=6)


def test_frames_may_have_times_of_their_own(tmp_path, make_frame):
    with VideoWriter(tmp_path / 'clip.mp4', 10, SIZE) as writer:
        for number, time_sec in enumerate([3.0, None, 3.6, 4.4]):
            writer.write(make_frame(number), time_sec)

    facts, times_sec, _ = read_all(tmp_path / 'clip.mp4')

    np.testing.assert_allclose(times_sec, [3.0, 3.1, 3.6, 4.4], atol=1e-4)
    assert facts.duration_sec == pytest.approx(4.5, abs=1e-4)  # the last stays 1 / fps


@pytest.mark.parametrize('time_sec', [0.5, 0.4, -1.0])
def test_times_that_do_not_ascend_are_refused(time_sec, tmp_path, make_frame):
    def write_two() -> None:
        with VideoWriter(tmp_path / 'clip.mp4', 10, SIZE) as writer:
            writer.write(make_frame(0), 0.5)
            writer.write(make_frame(1), time_sec)

    with pytest.raises(ValueError, match='ascend'):
        write_two()
    assert names_in(tmp_path) == []


def test_samples_become_sound_as_long_as_the_pictures(tmp_path, make_frame):
    tone = 0.5 * np.sin(np.arange(48_000) / 16_000 * 2 * np.pi * 440)
    with VideoWriter(tmp_path / 'clip.mp4', 25, SIZE, audio=(tone, 16_000)) as writer:
        for number in range(50):
            writer.write(make_frame(number))

    codec, samples, begins_sec = sound_of(tmp_path / 'clip.mp4')

    assert read_all(tmp_path / 'clip.mp4')[0].has_audio
    assert (codec, begins_sec) == ('aac', pytest.approx(0, abs=0.05))
    assert len(samples) / 48_000 == pytest.approx(2, abs=0.05)
    assert pitch_hz(samples) == pytest.approx(440, abs=2)


def test_aac_sound_is_copied_bit_by_bit(sound_clip, tmp_path, make_frame):
    frames = [make_frame(number) for number in range(50)]
    write_video(tmp_path / 'copy.mp4', frames, 25, audio_from=sound_clip)

    def packets(path) -> list[bytes]:
        with av.open(path) as container:
            return [bytes(packet) for packet in container.demux(audio=0) if packet.size]

    assert packets(tmp_path / 'copy.mp4') == packets(sound_clip)


def test_other_sound_is_encoded_to_aac(opus_file, tmp_path, make_frame):
    frames = [make_frame(number) for number in range(50)]
    write_video(tmp_path / 'tone.mp4', frames, 25, audio_from=opus_file)

    codec, samples, begins_sec = sound_of(tmp_path / 'tone.mp4')

    assert (codec, begins_sec) == ('aac', pytest.approx(0, abs=0.05))
    assert len(samples) / 48_000 == pytest.approx(2, abs=0.05)
    assert pitch_hz(samples) == pytest.approx(440, abs=2)


def test_the_same_frames_give_the_same_bytes(tmp_path, make_frame):
    for name in ('one', 'two'):
        tone = np.sin(np.arange(16_000) / 20)
        with VideoWriter(tmp_path / f'{name}.mp4', 25, SIZE, audio=(tone, 16_000)) as writer:
            for number in range(40):
                writer.write(make_frame(number))

    assert (tmp_path / 'one.mp4').read_bytes() == (tmp_path / 'two.mp4').read_bytes()


def test_an_error_half_way_leaves_the_older_file_and_nothing_else(tmp_path, make_frame):
    path = tmp_path / 'clip.mp4'
    path.write_bytes(b'older')

    def frames_until_stopped():
        yield from (make_frame(number) for number in range(60))
        assert len(names_in(tmp_path)) == 2  # the unfinished file lies beside the older one
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_video(path, frames_until_stopped(), 10)

    assert names_in(tmp_path) == ['clip.mp4']
    assert path.read_bytes() == b'older'


@pytest.mark.parametrize(
    ('frame', 'reason'),
    [
        (np.zeros((64, 100, 3), np.uint8), 'narrower'),
        (np.zeros((64, 128), np.uint8), 'without colour'),
        (np.zeros((64, 128, 3), np.float32), 'float'),
    ],
)
def test_a_frame_that_does_not_fit_is_refused(frame, reason, tmp_path):
    with (
        pytest.raises(ValueError, match=r'expected a frame \(64, 128, 3\) uint8'),
        VideoWriter(tmp_path / 'clip.mp4', 10, SIZE) as writer,
    ):
        writer.write(frame)
    assert names_in(tmp_path) == [], reason


@pytest.mark.parametrize(
    ('arguments', 'options', 'message'),
    [
        ((0, SIZE), {}, 'fps > 0'),
        ((float('nan'), SIZE), {}, 'fps > 0'),
        ((10, (0, 64)), {}, 'positive'),
        ((10, SIZE), {'audio_from': 'a.mp4', 'audio': (np.zeros(9), 9)}, 'not both'),
    ],
)
def test_impossible_settings_are_refused(arguments, options, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        VideoWriter(tmp_path / 'clip.mp4', *arguments, **options)


def test_sound_that_is_not_there_is_named_and_nothing_is_left(clips, tmp_path):
    silent = clips['one_frame'].path
    for source, message in [(silent, 'no sound track'), (tmp_path / 'none.mp4', 'cannot read')]:
        with (
            pytest.raises(VideoError, match=message),
            VideoWriter(tmp_path / 'clip.mp4', 10, SIZE, audio_from=source),
        ):
            pass
    assert names_in(tmp_path) == []


def test_a_video_without_frames_is_not_written(tmp_path):
    with pytest.raises(VideoError, match='no frame'):
        write_video(tmp_path / 'clip.mp4', [], 10)
    with pytest.raises(VideoError, match='no frame'), VideoWriter(tmp_path / 'clip.mp4', 10, SIZE):
        pass
    assert names_in(tmp_path) == []


FULL_DISK = """
import resource, signal, sys
import numpy as np
from stgr.io import write_video
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
noise = np.random.default_rng(0).integers(0, 255, (8, 64, 128, 3)).astype(np.uint8)
write_video(sys.argv[1], noise, 10)
size = __import__('os').path.getsize(sys.argv[1])
for limit in (100, size // 2, size - 1):  # at the start, in the middle, at the very end
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        write_video(sys.argv[2], noise, 10)
    except OSError as error:
        assert 'no space left' in str(error) and sys.argv[2] in str(error), error
    else:
        sys.exit(f'no error at {limit} of {size} bytes')
"""


@pytest.mark.skipif(not hasattr(signal, 'SIGXFSZ'), reason='needs POSIX file size limits')
def test_a_full_disk_is_one_clear_error_and_nothing_is_left(tmp_path):
    whole, cut = tmp_path / 'whole.mp4', tmp_path / 'cut.mp4'

    done = subprocess.run(
        [sys.executable, '-c', FULL_DISK, str(whole), str(cut)],
        check=False, capture_output=True, text=True,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert names_in(tmp_path) == ['whole.mp4']
