import subprocess
import sys

import numpy as np
import pytest

from stgr.io import VideoError, open_video

READERS = ['pyav', 'decord', 'torchcodec']
CLIPS = [
    'constant',
    'variable',
    'rotated',
    'late',
    'late_mkv',
    'vp9',
    'hevc',
    'open_groups',
    'one_frame',
]


@pytest.fixture(params=READERS)
def reader(request, clips):
    """Each reader that works on this machine."""
    try:
        with open_video(clips['constant'].path, request.param) as video:
            video.read_at(np.array([0.0]))
    except ImportError as error:
        pytest.skip(str(error))
    return request.param


def asked_times(clip) -> np.ndarray:
    """Before, at, just before, between and after the frames, in disorder and repeated."""
    gaps_sec = np.diff(clip.times_sec, append=clip.end_sec)
    times_sec = np.concatenate(
        [clip.times_sec, clip.times_sec + gaps_sec / 2, clip.times_sec - 1e-4, [-1, 0, 99, 1, 1]]
    )
    return np.random.default_rng(0).permutation(times_sec)


@pytest.mark.parametrize('name', CLIPS)
def test_every_reader_shows_the_last_frame_that_has_begun(reader, name, clips, read_numbers):
    clip = clips[name]
    times_sec = asked_times(clip)

    with open_video(clip.path, reader) as video:
        frames = video.read_at(times_sec)

    assert frames.shape == (len(times_sec), clip.size[1], clip.size[0], 3)
    assert read_numbers(frames) == [clip.number_shown_at(time_sec) for time_sec in times_sec]


@pytest.mark.parametrize('name', CLIPS)
@pytest.mark.parametrize('size', [None, (56, 40)])
def test_readers_agree_pixel_by_pixel(reader, name, size, clips):
    times_sec = asked_times(clips[name])[:30]

    with open_video(clips[name].path, reader) as video, open_video(clips[name].path) as default:
        found, expected = video.read_at(times_sec, size), default.read_at(times_sec, size)

    assert found.shape == expected.shape
    assert np.abs(found.astype(int) - expected).max() <= 2


@pytest.mark.parametrize('name', CLIPS)
def test_facts_tell_what_is_shown(reader, name, clips):
    clip = clips[name]
    with open_video(clip.path, reader) as video:
        facts = video.facts()

    assert (facts.width, facts.height) == clip.size
    assert facts.duration_sec == pytest.approx(clip.end_sec, abs=1e-6)
    assert facts.fps == pytest.approx(len(clip.times_sec) / (clip.end_sec - clip.times_sec[0]))
    assert (facts.has_audio, facts.reader, facts.warnings) == (False, reader, ())


def test_a_turned_video_is_shown_upright_by_the_display_matrix(clips, make_frame):
    with open_video(clips['rotated'].path) as video:
        frame = video.read_at(np.array([0.0]))[0]

    expected = np.rot90(make_frame(0))  # 90 degrees counter-clockwise
    assert np.abs(frame.astype(int) - expected).mean() < 20


@pytest.mark.parametrize('chunk', [1, 7, 60, 1000])
def test_streaming_gives_the_frames_of_reading_in_small_parts(chunk, clips):
    times_sec = np.sort(asked_times(clips['variable']))
    with open_video(clips['variable'].path) as video:
        parts = list(video.stream_at(times_sec, size=(32, 16), chunk=chunk))
        whole = video.read_at(times_sec, size=(32, 16))

    assert max(len(frames) for _, frames in parts) == min(chunk, len(times_sec))
    np.testing.assert_array_equal(np.concatenate([times for times, _ in parts]), times_sec)
    np.testing.assert_array_equal(np.concatenate([frames for _, frames in parts]), whole)


def test_no_times_give_no_frames(clips):
    with open_video(clips['rotated'].path) as video:
        assert video.read_at(np.array([])).shape == (0, 128, 64, 3)
        assert list(video.stream_at(np.array([]))) == []


@pytest.mark.parametrize(
    ('times_sec', 'options', 'message'),
    [
        ([0.0, float('nan')], {}, 'finite'),
        ([[0.0]], {}, r'shape \(N,\)'),
        ([0.0], {'size': (0, 10)}, 'at least 1 pixel'),
        ([1.0, 0.5], {}, 'sort times_sec'),
        ([1.0], {'chunk': 0}, 'chunk=0'),
    ],
)
def test_wrong_requests_are_refused(times_sec, options, message, clips):
    with (
        open_video(clips['constant'].path) as video,
        pytest.raises(ValueError, match=message),
    ):
        list(video.stream_at(np.array(times_sec), **options))


def test_an_unknown_reader_is_named_with_those_there_are(clips):
    with pytest.raises(KeyError, match=r"'opencv'.*decord, isolated, pyav, torchcodec"):
        open_video(clips['constant'].path, 'opencv')


def test_a_missing_package_is_answered_with_the_command_to_run(clips, monkeypatch):
    monkeypatch.setitem(sys.modules, 'decord', None)

    with (
        open_video(clips['constant'].path, 'decord') as video,
        pytest.raises(ImportError, match='pip install decord'),
    ):
        video.read_at(np.array([0.0]))


def test_decord_refuses_containers_in_which_it_finds_wrong_frames(clips, tmp_path):
    import av

    path = tmp_path / 'stream.ts'
    with av.open(clips['constant'].path) as source, av.open(path, 'w') as copy:
        stream = copy.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                copy.mux(packet)

    with open_video(path, 'decord') as video, pytest.raises(VideoError, match="reader='pyav'"):
        video.read_at(np.array([0.0]))


def test_opening_a_video_needs_no_torch(clips):
    code = (
        'import sys; from stgr.io import open_video, VideoWriter; '
        f'open_video({str(clips["one_frame"].path)!r}).read_at([0.0]); '
        'sys.exit("torch" in sys.modules)'
    )
    assert subprocess.run([sys.executable, '-c', code], check=False).returncode == 0
