"""What happens in the decoding process stays there: hanging, dying, damage."""

import os
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from stgr.io import VideoError, VideoNotFoundError, open_video
from stgr.io.isolation import borrow_process, decoding_process
from stgr.io.isolation.messages import receive, send
from stgr.io.timeline_cache import known_timelines

sys.path.insert(0, str(Path(__file__).parent))  # the decoding process imports the readers too
import toy_readers

TIMES_SEC = np.array([0.1, 0.1, 0.5, 1.3, 2.0])


@pytest.fixture(scope='module', autouse=True)
def _toys():
    toy_readers.register()
    yield
    decoding_process._stop_idle()
    toy_readers.forget()


@pytest.fixture(autouse=True)
def _nothing_known():
    known_timelines.clear()


@pytest.mark.parametrize('name', ['constant', 'variable', 'rotated', 'late'])
def test_frames_and_facts_are_those_of_the_default_reader(clips, name):
    path = clips[name].path
    with open_video(path) as plain, open_video(path, 'isolated') as isolated:
        assert np.array_equal(isolated.read_at(TIMES_SEC), plain.read_at(TIMES_SEC))
        small = isolated.read_at(TIMES_SEC, size=(32, 16))
        assert np.array_equal(small, plain.read_at(TIMES_SEC, size=(32, 16)))
        assert vars(isolated.facts()) == vars(plain.facts()) | {'reader': 'isolated'}
        for (_, one), (_, other) in zip(
            isolated.stream_at(TIMES_SEC, chunk=2), plain.stream_at(TIMES_SEC, chunk=2), strict=True
        ):
            assert np.array_equal(one, other)


def test_damage_found_while_reading_is_told(damaged):
    times_sec = np.arange(0, 2.4, 0.1)
    with (
        open_video(damaged['bitten_vp9']) as plain,
        open_video(damaged['bitten_vp9'], 'isolated') as isolated,
    ):
        assert np.array_equal(isolated.read_at(times_sec), plain.read_at(times_sec))
        assert isolated.facts().warnings == plain.facts().warnings != ()


def test_a_file_that_cannot_be_read_is_refused_in_the_same_words(tmp_path):
    path = tmp_path / 'no_video.mp4'
    path.write_bytes(b'x' * 1000)
    messages = []
    for reader in ('pyav', 'isolated'):
        with pytest.raises(VideoError) as caught:
            open_video(path, reader)
        messages.append(str(caught.value))

    assert messages[0] == messages[1]
    with pytest.raises(VideoNotFoundError):
        open_video(tmp_path / 'nothing.mp4', 'isolated')


def test_a_decoder_that_hangs_is_stopped_and_the_next_video_is_read(clips):
    path = clips['constant'].path
    start = time.monotonic()

    with pytest.raises(VideoError, match=r'constant\.mp4: the decoder gave nothing for 1 s'):
        toy_readers.IsolatedSleeper(path).read_at(TIMES_SEC)

    assert time.monotonic() - start < 15
    with open_video(path, 'isolated') as video:
        assert len(video.read_at(TIMES_SEC)) == 5


@pytest.mark.parametrize(
    ('reader', 'cause'),
    [
        (toy_readers.IsolatedCrasher, 'SIGSEGV'),
        (toy_readers.IsolatedDyingScanner, 'exit status 3'),
    ],
)
def test_a_decoder_that_dies_is_named_and_the_next_video_is_read(clips, reader, cause):
    path = clips['constant'].path
    decoding_process._stop_idle()  # it may know the file already

    with pytest.raises(VideoError, match=rf'constant\.mp4: the decoder died \({cause}'):
        reader(path).read_at(TIMES_SEC)

    with open_video(path, 'isolated') as video:
        assert len(video.read_at(TIMES_SEC)) == 5


def test_one_process_reads_many_videos_and_a_stopped_pass_replaces_it(clips):
    pids = []
    for name in ('constant', 'vp9', 'constant'):
        with open_video(clips[name].path, 'isolated') as video:
            list(video.stream_at(TIMES_SEC, chunk=2))
        pids.append(idle_pid())
    assert len(set(pids)) == 1

    with open_video(clips['constant'].path, 'isolated') as video:
        chunks = video.stream_at(TIMES_SEC, chunk=1)
        next(chunks)
        chunks.close()
        assert len(video.read_at(TIMES_SEC)) == 5, 'pictures of the first pass do not mix in'
    assert idle_pid() != pids[0]


def idle_pid():
    (process,) = decoding_process._idle
    return process.pid


def test_a_forked_process_leaves_the_decoder_to_its_parent(clips):
    with open_video(clips['constant'].path, 'isolated') as video:
        video.read_at(TIMES_SEC)
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        taken = decoding_process._take()
        os.write(write_end, b'none' if taken is None else b'parents')
        os._exit(0)
    os.waitpid(child, 0)

    assert os.read(read_end, 10) == b'none'
    assert len(decoding_process._idle) == 1


def test_the_decoding_process_ends_with_its_parent_even_if_it_hangs(clips):
    sleeper = toy_readers.IsolatedSleeper(clips['constant'].path)
    with borrow_process(5) as process:
        process.ask(sleeper._command() | {'size': [9, 9]}, TIMES_SEC.view(np.int64))
        process.hear('x')
        os.close(process._commands)
        process._process.stdin = None
        assert process._process.wait(timeout=10) == 0


def test_only_known_kinds_of_arrays_are_received():
    read_end, write_end = os.pipe()
    send(write_end, {'a': 1}, [np.arange(3), np.zeros((2, 0), np.uint8)])
    message, (numbers, empty) = receive(read_end)
    assert (message, numbers.tolist(), empty.shape) == ({'a': 1}, [0, 1, 2], (2, 0))

    send(write_end, {}, [np.zeros(2, np.float32)])
    with pytest.raises(ValueError, match="but got 'float32'"):
        receive(read_end)
