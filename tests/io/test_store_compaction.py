"""Joining small shards, also when it is killed: nothing is lost, nothing stays there twice."""

import signal
import subprocess
import sys

import numpy as np
import pytest
from feature_videos import FACTS, arrays, put

from stgr.cli import main
from stgr.io import feature_provenance, store_compaction
from stgr.io.feature_index import FeatureIndex
from stgr.io.feature_shards import read_table
from stgr.io.feature_store import FeatureStore
from stgr.io.store_compaction import compact_store
from stgr.io.store_writer import StoreWriter

COUNT = 7
IDS = [f'v{number}' for number in range(COUNT)]
KILLED = """
import os, signal, sys
from pathlib import Path
from stgr.io import store_compaction

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

def after(calls, wrapped):
    def call(*arguments, **options):
        calls.append(1)
        return wrapped(*arguments, **options) if len(calls) < 3 else die()
    return call

if sys.argv[2] == 'while joining':
    store_compaction.join_pieces = lambda pieces, path: (path.write_bytes(b'half'), die())
if sys.argv[2] == 'after the shard is there':
    Path.unlink = die
if sys.argv[2] == 'after two are removed':
    Path.unlink = after([], Path.unlink)
if sys.argv[2] == 'while the index is saved':
    store_compaction.FeatureIndex.save = die
store_compaction.SMALL = float(sys.argv[3])
store_compaction.compact_store(sys.argv[1], shard_bytes=5_000)
"""
MOMENTS = [
    'while joining', 'after the shard is there', 'after two are removed',
    'while the index is saved',
]  # fmt: skip


@pytest.fixture
def root(tmp_path):
    """A shard per video, as from a writer that was stopped after each."""
    for number in range(COUNT):
        with StoreWriter(tmp_path, FACTS) as writer:
            put(writer, number)
    assert len(shards(tmp_path)) == COUNT
    return tmp_path


def shards(root):
    return sorted((root / 'shards').glob('*.safetensors'))


def listed(root):
    """Return the ids in the headers of all shards, repeats included."""
    return sorted(video_id for shard in shards(root) for video_id in read_table(shard).rows)


def check_contents(store):
    """Compare every video of a store with what was written."""
    assert sorted(store.ids()) == IDS
    for number, video_id in enumerate(IDS):
        block, expected = store.open(video_id).read(), arrays(number, number + 2)
        np.testing.assert_array_equal(block.times_sec, expected['times_sec'])
        np.testing.assert_array_equal(block.frames.numpy(), expected['frames'].astype('f2'))
        np.testing.assert_array_equal(block.patches.numpy(), expected['patches'].astype('f2'))


def test_small_shards_become_one_and_stay_as_they_are_the_second_time(root):
    done = compact_store(root)
    again = compact_store(root)

    assert (done.before, done.after, again.before, again.after) == (COUNT, 1, 1, 1)
    assert done.copied_bytes == shards(root)[0].stat().st_size
    assert again.copied_bytes == 0
    assert list(FeatureStore(root).verify()) == [None]
    check_contents(FeatureStore(root, FACTS))


def test_joined_shards_are_no_larger_than_asked(root):
    sizes = [shard.stat().st_size for shard in shards(root)]
    limit = sum(sizes) // 2

    done = compact_store(root, shard_bytes=limit)

    assert 2 <= done.after < COUNT
    assert max(shard.stat().st_size for shard in shards(root)) <= limit
    check_contents(FeatureStore(root))


def test_shards_of_several_videos_are_joined_with_the_rows_of_each(root):
    sizes = [shard.stat().st_size for shard in shards(root)]
    compact_store(root, shard_bytes=sum(sizes) // 2)
    assert any(len(read_table(shard).rows) > 1 for shard in shards(root))

    done = compact_store(root, shard_bytes=10 * sum(sizes))

    assert done.after == 1
    check_contents(FeatureStore(root))


@pytest.mark.parametrize('moment', MOMENTS)
@pytest.mark.parametrize('small', [0.25, 0.5])  # of 5,000: the joined one, of 1,424, is full or not
def test_a_killed_compaction_loses_nothing_and_can_be_done_again(root, moment, small, monkeypatch):
    monkeypatch.setattr(store_compaction, 'SMALL', small)
    arguments = [str(root), moment, str(small)]
    done = subprocess.run([sys.executable, '-c', KILLED, *arguments], check=False, timeout=120)
    assert done.returncode == -signal.SIGKILL
    check_contents(FeatureStore(root))

    compact_store(root, shard_bytes=5_000)

    assert len(shards(root)) == 1
    assert listed(root) == IDS
    assert not list((root / 'shards').glob('.joined'))
    check_contents(FeatureStore(root))


def test_who_reads_the_store_meanwhile_goes_on(root):
    opened, listing, both = FeatureStore(root), FeatureStore(root), FeatureStore(root)
    held = opened.open('v1')  # its shard is mapped
    assert listing.has('v1')
    assert both.has('v1')
    removed = {shard.name: shard.read_bytes() for shard in shards(root)}
    compact_store(root)
    for name, content in removed.items():
        (root / 'shards' / name).write_bytes(content)
    with pytest.raises(FileNotFoundError):  # it has seen the old shards and the new one
        both.open('v9')
    for name in removed:
        (root / 'shards' / name).unlink()

    assert held.read().frames[0, 0] == 100
    for store in (opened, listing, both):
        check_contents(store)


def test_a_damaged_shard_stops_it_before_anything_is_removed(root):
    victim = shards(root)[3]
    content = bytearray(victim.read_bytes())
    content[-1] ^= 1
    victim.write_bytes(content)

    with pytest.raises(ValueError, match=rf'{victim.name}: damaged shard'):
        compact_store(root)

    assert len(shards(root)) == COUNT


def test_shards_of_different_versions_are_not_joined(root, monkeypatch):
    monkeypatch.setattr(feature_provenance, '__version__', 'another')
    for number in (10, 11):
        with StoreWriter(root, FACTS) as writer:
            put(writer, number)

    assert compact_store(root).after == 2
    assert [len(read_table(shard).rows) for shard in shards(root)] in ([2, 7], [7, 2])


def test_a_writer_at_work_finds_what_was_joined(root):
    with StoreWriter(root, FACTS) as writer:
        put(writer, 7)
        compact_store(root)
        assert writer.has('v3')
        put(writer, 3)  # nevertheless
    assert listed(root) == [*IDS, 'v7']
    assert FeatureIndex(root / 'shards').find('v7') is not None


def test_the_command_says_what_it_did(root, tmp_path_factory, capsys):
    assert main(['compact', str(root)]) == 0
    assert f'{root}: {COUNT} shards, now 1 (' in capsys.readouterr().out

    assert main(['compact', str(tmp_path_factory.mktemp('empty'))]) == 1
    assert 'no store of shards' in capsys.readouterr().err
