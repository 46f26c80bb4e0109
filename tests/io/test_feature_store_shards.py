"""Many videos per file are read as one video per file is; damage costs its shard only."""

import pickle

import numpy as np
import pytest
import torch
from feature_videos import FACTS, arrays, put

from stgr.io import feature_index
from stgr.io.feature_index import FeatureIndex
from stgr.io.feature_store import FeatureStore
from stgr.io.feature_writer import FeatureWriter
from stgr.io.file_store_writer import FileStoreWriter
from stgr.io.store_writer import StoreWriter

COUNT = 5


@pytest.fixture
def root(tmp_path):
    """Five videos in three shards: of two, two and one."""
    with StoreWriter(tmp_path, FACTS) as writer:
        for number in range(COUNT):
            put(writer, number)
            if number % 2:
                writer.close_shard()
    return tmp_path


def shards(root):
    return sorted((root / 'shards').glob('*.safetensors'))


def shard_of(root, video_id):
    return root / 'shards' / FeatureIndex(root / 'shards').find(video_id).shard


def numbers(features):
    return features.read().frames[:, 0].tolist()


def test_every_video_is_read_back_and_all_lie_in_few_files(root):
    store = FeatureStore(root, FACTS)

    assert len(shards(root)) == 3
    assert sorted(store.ids()) == [f'v{n}' for n in range(COUNT)]
    for number in range(COUNT):
        features = store.open(f'v{number}')
        expected = arrays(number, number + 2)
        block = features.read()
        np.testing.assert_array_equal(block.times_sec, expected['times_sec'])
        np.testing.assert_array_equal(block.frames.numpy(), expected['frames'].astype('f2'))
        np.testing.assert_array_equal(block.patches.numpy(), expected['patches'].astype('f2'))
        assert (len(features), features.grid, features.step_sec) == (number + 2, (1, 3), 0.5)


@pytest.mark.parametrize(
    'indices', [[1, 2], [4, 0, 0], [-1], [], slice(1, 3), slice(None, None, 2)]
)
def test_a_window_is_that_of_the_video_not_of_its_shard(root, indices):
    features = FeatureStore(root).open('v3')  # the second video of its shard

    block = features.read(indices)

    assert block.frames[:, 0].tolist() == (300 + np.arange(5))[indices].tolist()
    torch.testing.assert_close(block.patches[:, 2, 1], -block.frames[:, 0])
    assert block.times_sec.tolist() == (np.arange(5) / 2)[indices].tolist()


def test_a_frame_that_the_video_does_not_have_is_not_the_next_videos(root):
    features = FeatureStore(root).open('v2')  # the first video of its shard

    with pytest.raises(IndexError):
        features.read_patches([4])


def test_both_layouts_are_one_interface(root, tmp_path):
    with FileStoreWriter(tmp_path / 'files', FACTS) as writer:
        for number in range(COUNT):
            put(writer, number)
    files, sharded = FeatureStore(tmp_path / 'files', FACTS), FeatureStore(root, FACTS)

    assert sorted(files.ids()) == sorted(sharded.ids())
    assert (files.is_sharded, sharded.is_sharded) == (False, True)
    for video_id in files.ids():
        assert numbers(files.open(video_id)) == numbers(sharded.open(video_id))
        assert files.open(video_id).provenance == sharded.open(video_id).provenance
    for store in (files, sharded):
        assert (store.has('v0'), store.has('v9')) == (True, False)
        with pytest.raises(FileNotFoundError, match=r'v9'):
            store.open('v9')


def test_a_shard_is_closed_at_its_size(tmp_path):
    with StoreWriter(tmp_path, FACTS, shard_bytes=3000) as writer:
        for number in range(COUNT):
            put(writer, number, length=100)  # 800 + 400 + 1200 bytes, and a header
            if number % 2:
                assert len(shards(tmp_path)) == (number + 1) // 2

    assert len(shards(tmp_path)) == 3


def test_reading_a_window_does_not_load_the_shard(tmp_path):
    with StoreWriter(tmp_path, {**FACTS, 'grid': (10, 10)}) as writer:
        for name in ('a', 'b'):
            with FeatureWriter(
                writer.path(name), times_sec=np.arange(1000.0), width=128,
                provenance=writer.provenance,
            ) as file:  # 26 MB  # fmt: skip
                file.write(np.zeros((1000, 128)), np.ones((1000, 100, 128), np.float16))
            writer.add(name)
    before = _resident_bytes()

    features = FeatureStore(tmp_path).open('b')
    block = features.read(list(range(500, 580)))

    assert block.patches.shape == (80, 100, 128)
    assert _resident_bytes() - before < 15e6  # 2 MB are read


def _resident_bytes():
    with open('/proc/self/statm') as file:  # noqa: PTH123
        return int(file.read().split()[1]) * 4096


def flip(path, position):
    data = bytearray(path.read_bytes())
    data[position] ^= 4
    path.write_bytes(data)


@pytest.mark.parametrize(
    'spoil',
    [
        lambda index: index.unlink(),
        lambda index: index.write_bytes(b''),
        lambda index: index.write_bytes(index.read_bytes()[:-3]),
        lambda index: flip(index, -60),
        lambda index: flip(index, index.read_bytes().index(b'.safetensors') - 1),
    ],
    ids=['missing', 'empty', 'truncated', 'an offset flipped', 'a name flipped'],
)
def test_an_index_that_is_missing_or_damaged_is_made_again(root, spoil):
    index = root / 'shards' / 'index'
    before = index.read_bytes()
    spoil(index)

    assert numbers(FeatureStore(root).open('v3')) == [300, 301, 302, 303, 304]
    with StoreWriter(root, FACTS):
        pass

    assert index.read_bytes() == before


def test_shards_that_the_index_does_not_know_are_found_and_gone_ones_forgotten(root):
    old = (root / 'shards' / 'index').read_bytes()
    with StoreWriter(root, FACTS) as writer:
        put(writer, 7)
    shard_of(root, 'v4').unlink()
    (root / 'shards' / 'index').write_bytes(old)  # another writer saved what it knew

    store = FeatureStore(root)

    assert sorted(store.ids()) == ['v0', 'v1', 'v2', 'v3', 'v7']
    assert numbers(store.open('v7'))[0] == 700
    assert not store.has('v4')


def test_an_index_that_lacks_few_shards_is_left_as_it_is(tmp_path):
    saved = []
    for number in range(13):
        with StoreWriter(tmp_path, FACTS) as writer:
            put(writer, number)
        saved.append((tmp_path / 'shards' / 'index').read_bytes())

    assert len(set(saved[:9])) == 9  # one of nine is more than a tenth
    assert len(set(saved[9:])) < 4
    assert len(set(FeatureStore(tmp_path).ids())) == 13


def test_ids_with_one_hash_are_told_apart(tmp_path, monkeypatch):
    monkeypatch.setattr(feature_index, '_key', lambda name: 5)
    with StoreWriter(tmp_path, FACTS) as writer:
        for number in range(3):
            put(writer, number)

    store = FeatureStore(tmp_path)

    assert [numbers(store.open(f'v{n}'))[0] for n in range(3)] == [0, 100, 200]
    assert not store.has('v3')


def test_a_video_added_while_the_store_is_open_is_found(root):
    store = FeatureStore(root)
    store.open('v0')
    with StoreWriter(root, FACTS) as writer:
        put(writer, 8)

    assert numbers(store.open('v8'))[0] == 800


def test_a_store_travels_to_another_process(root):
    store = FeatureStore(root, FACTS)
    store.open('v1')

    assert numbers(pickle.loads(pickle.dumps(store)).open('v1')) == [100, 101, 102]


def test_few_shards_are_kept_open(root, monkeypatch):
    monkeypatch.setattr('stgr.io.feature_store.OPEN_SHARDS', 1)
    store = FeatureStore(root)

    kept = [store.open('v0'), store.open('v2'), store.open('v4')]

    assert [numbers(features)[0] for features in kept] == [0, 200, 400]
    assert len(store._open) == 1


def test_a_truncated_shard_is_named_and_costs_its_own_videos_only(root):
    shard = shard_of(root, 'v2')
    shard.write_bytes(shard.read_bytes()[:-1])

    store = FeatureStore(root)

    assert sorted(store.ids()) == ['v0', 'v1', 'v4']
    with pytest.raises(ValueError, match=rf'{shard}: damaged shard.*v3.*stgr extract'):
        store.open('v3')
    assert [fault.split(':')[0] for fault in store.verify() if fault] == [str(shard)]


@pytest.mark.parametrize('position', [-1, 'times', 'videos', 0], ids=str)
def test_a_flipped_bit_is_found_by_verify_and_named(root, position):
    shard = shard_of(root, 'v2')
    data = shard.read_bytes()
    places = {'times': len(data) - 9 * (8 + 4 + 12), 'videos': data.index(b'v2') + 1}
    flip(shard, places.get(position, position))

    faults = [fault for fault in FeatureStore(root).verify() if fault]

    assert len(faults) == 1
    assert faults[0].startswith(f'{shard}: damaged')


def test_videos_of_a_truncated_shard_are_stored_again(root):
    shard = shard_of(root, 'v2')
    before = shard.read_bytes()
    shard.write_bytes(before[:100])

    with StoreWriter(root, FACTS) as writer:
        assert [n for n in range(COUNT) if not writer.has(f'v{n}')] == [2, 3]
        assert f'{shard}: damaged shard' in writer.notices[0]
        for number in (2, 3):
            put(writer, number)

    assert shard.read_bytes() == before  # the same videos make the same shard
    assert sorted(FeatureStore(root).ids()) == [f'v{n}' for n in range(COUNT)]


def test_features_of_another_origin_are_refused_by_reader_and_writer(root):
    other = {**FACTS, 'rate_fps': 4}

    with pytest.raises(ValueError, match=r"rate_fps: stored '2', needed '4'"):
        FeatureStore(root, other).open('v0')
    with (
        pytest.raises(ValueError, match=r"rate_fps: stored '2', needed '4'"),
        StoreWriter(root, other),
    ):
        pass
    assert not any((root / 'shards' / 'staging').iterdir())


def test_later_facts_are_compared_where_they_are_stored(tmp_path):
    for name, facts in (('old', FACTS), ('new', {**FACTS, 'crop': 'centre'})):
        with StoreWriter(tmp_path / name, facts) as writer:
            put(writer, 1)
    expected = {**FACTS, 'crop': 'none, squashed'}

    assert len(FeatureStore(tmp_path / 'old', expected).open('v1')) == 3
    with pytest.raises(ValueError, match="crop: stored 'centre'"):
        FeatureStore(tmp_path / 'new', expected).open('v1')


def test_a_store_without_patches_says_so_and_takes_none(tmp_path):
    with StoreWriter(tmp_path, FACTS, has_patches=False) as writer:
        put(writer, 1, patches=False)

    features = FeatureStore(tmp_path).open('v1')

    assert features.read(patches=False).patches is None
    with pytest.raises(ValueError, match='v1 holds frame features only'):
        features.read([0])
    with pytest.raises(ValueError, match='frames only, but patches'), StoreWriter(tmp_path, FACTS):
        pass
