"""Several writers at once, some of them killed: nothing is lost and nothing is stored twice."""

import json
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from feature_videos import FACTS, put

from stgr.io.failed_videos import FailedVideos
from stgr.io.feature_shards import read_table
from stgr.io.feature_store import FeatureStore
from stgr.io.store_writer import StoreWriter

KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from feature_videos import FACTS, put
from stgr.io import store_writer
from stgr.io.store_writer import StoreWriter

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

with StoreWriter(sys.argv[1], FACTS) as writer:
    for number in range(4):
        put(writer, number)
        if number == 1:
            writer.close_shard()
    if sys.argv[2] == 'while staging':
        writer.path('v4').with_name('.v4.safetensors.x.tmp').write_bytes(b'half')
        die()
    if sys.argv[2] == 'while joining':
        store_writer.write_shard = lambda files, path: (path.write_bytes(b'half'), die())
    if sys.argv[2] == 'after the shard is there':
        Path.unlink = die
    if sys.argv[2] == 'while the index is saved':
        store_writer.FeatureIndex.save = die
"""
MOMENTS = ['while staging', 'while joining', 'after the shard is there', 'while the index is saved']


def stored(root):
    """Return the ids in the headers of all shards, repeats included."""
    shards = (root / 'shards').glob('*.safetensors')
    return sorted(video_id for shard in shards for video_id in read_table(shard).rows)


def kill_a_writer(root, moment):
    arguments = [str(root), moment, str(Path(__file__).parents[1])]
    done = subprocess.run([sys.executable, '-c', KILLED, *arguments], check=False, timeout=120)
    assert done.returncode == -signal.SIGKILL


@pytest.mark.parametrize('moment', MOMENTS)
def test_what_a_killed_writer_encoded_is_there_once(moment, tmp_path):
    kill_a_writer(tmp_path, moment)

    with StoreWriter(tmp_path, FACTS) as writer:
        missing = [n for n in range(6) if not writer.has(f'v{n}')]
        for number in missing:
            put(writer, number)

    assert missing == [4, 5]
    assert stored(tmp_path) == [f'v{n}' for n in range(6)]
    assert sorted(FeatureStore(tmp_path).ids()) == stored(tmp_path)
    assert FeatureStore(tmp_path).open('v3').read().frames[0, 0] == 300
    assert not any((tmp_path / 'shards' / 'staging').iterdir())


def test_a_writer_that_ends_joins_what_one_killed_meanwhile_left(tmp_path):
    with StoreWriter(tmp_path, FACTS) as survivor:
        kill_a_writer(tmp_path, 'while staging')
        put(survivor, 5)

    assert stored(tmp_path) == ['v0', 'v1', 'v2', 'v3', 'v5']


def test_what_two_writers_encode_at_once_is_stored_once(tmp_path):
    with StoreWriter(tmp_path, FACTS) as first, StoreWriter(tmp_path, FACTS) as second:
        for writer, numbers in ((first, (1, 2)), (second, (2, 3))):
            for number in numbers:
                put(writer, number)

    assert stored(tmp_path) == ['v1', 'v2', 'v3']
    assert sorted(FeatureStore(tmp_path).ids()) == ['v1', 'v2', 'v3']
    assert FeatureStore(tmp_path).open('v2').read().frames[:, 0].tolist() == [200, 201, 202, 203]


def test_what_another_writer_has_staged_is_not_encoded_again(tmp_path):
    with StoreWriter(tmp_path, FACTS) as first:
        put(first, 1)
        with StoreWriter(tmp_path, FACTS) as second:
            assert (second.has('v1'), second.has('v2')) == (True, False)

    assert stored(tmp_path) == ['v1']


def test_two_writers_of_different_origin_do_not_share_a_store(tmp_path):
    def work(first):
        with StoreWriter(tmp_path, {**FACTS, 'image_size': 8}) as second:
            put(first, 1)
            first.close_shard()
            put(second, 2)

    refused = pytest.raises(ValueError, match="image_size: stored '224', needed '8'")
    with StoreWriter(tmp_path, FACTS) as first, refused:
        work(first)

    assert stored(tmp_path) == ['v1']  # the first shard decides
    assert 'not used' in first.notices[0]


def interrupt(root, work):
    with suppress(KeyboardInterrupt), StoreWriter(root, FACTS) as writer:
        work(writer)
        raise KeyboardInterrupt


def test_an_interrupted_writer_leaves_its_work_to_the_next(tmp_path):
    interrupt(tmp_path, lambda writer: put(writer, 1))

    with StoreWriter(tmp_path, FACTS) as writer:
        assert writer.has('v1')
    assert stored(tmp_path) == ['v1']


def test_a_damaged_file_of_a_killed_writer_is_named_and_written_again(tmp_path):
    def work(writer):
        for number in (1, 2):
            put(writer, number)
        writer.path('v1').write_bytes(b'torn by a failing disk')

    interrupt(tmp_path, work)

    with StoreWriter(tmp_path, FACTS) as writer:
        assert (writer.has('v1'), writer.has('v2')) == (False, True)
        assert 'v1.safetensors: damaged' in writer.notices[0]


def test_an_id_that_is_no_file_name_is_refused(tmp_path):
    with StoreWriter(tmp_path, FACTS) as writer, pytest.raises(ValueError, match='plain file name'):
        writer.path('../v1')


def test_failures_are_kept_with_the_last_reason_and_forgotten_on_demand(tmp_path):
    failed = FailedVideos(tmp_path)
    for video_id, reason in (('a', 'empty'), ('b', 'no frames'), ('a', 'still empty')):
        failed.add(video_id, Path(f'{video_id}.mp4'), reason)

    assert failed.read() == {'a': 'still empty', 'b': 'no frames'}
    first = json.loads((tmp_path / 'failed.jsonl').read_text().splitlines()[0])
    assert first == {'video': 'a', 'path': 'a.mp4', 'reason': 'empty'}
    failed.forget({'a'})
    assert failed.read() == {'b': 'no frames'}


def test_a_line_that_a_crash_cut_costs_itself_only(tmp_path):
    failed = FailedVideos(tmp_path)
    for video_id in ('a', 'b'):
        failed.add(video_id, Path('x'), 'why')
    failed.path.write_bytes(failed.path.read_bytes()[:-5])

    failed.add('c', Path('x'), 'why')

    assert set(failed.read()) == {'a', 'c'}
