import signal
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors import safe_open

from stgr.io.feature_files import FeatureFile, write_features
from stgr.io.feature_store import FeatureStore
from stgr.io.feature_writer import FeatureWriter

FACTS = {
    'reader': 'pyav',
    'rate_fps': 2.0,
    'image_size': 224,
    'grid': (2, 3),
    'backbone_sha256': 'ab' * 32,
}


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    frames = rng.standard_normal((9, 4)).astype(np.float32)
    patches = rng.standard_normal((9, 6, 4)).astype(np.float32)
    return {'times_sec': np.arange(9) / 2, 'frames': frames, 'patches': patches}


@pytest.fixture
def path(tmp_path, arrays):
    write_features(tmp_path / 'vid.safetensors', **arrays, provenance=FACTS)
    return tmp_path / 'vid.safetensors'


def test_what_is_read_is_what_was_written_in_half_precision(path, arrays):
    file = FeatureFile(path)

    block = file.read()

    np.testing.assert_array_equal(block.times_sec, arrays['times_sec'])
    np.testing.assert_array_equal(block.frames.numpy(), arrays['frames'].astype(np.float16))
    np.testing.assert_array_equal(block.patches.numpy(), arrays['patches'].astype(np.float16))
    assert (len(file), file.step_sec, file.grid) == (9, 0.5, (2, 3))
    assert file.provenance['format_version'] == '1'
    assert file.provenance['image_size'] == '224'


@pytest.mark.parametrize('indices', [[2, 3, 4], [7, 1], [5, 5, 0], [8], []])
def test_a_part_equals_the_same_part_of_the_whole(path, arrays, indices):
    block = FeatureFile(path).read(np.array(indices, dtype=int))

    expected = arrays['patches'].astype(np.float16)[indices]
    np.testing.assert_array_equal(block.patches.numpy(), expected)
    np.testing.assert_array_equal(block.times_sec, arrays['times_sec'][indices])
    assert block.frames.shape == (len(indices), 4)


def test_patches_are_read_only_where_asked(path, arrays):
    file = FeatureFile(path)

    assert file.read([1, 2], patches=False).patches is None
    expected = torch.tensor(arrays['patches'][[4]]).half()
    torch.testing.assert_close(file.read_patches([4]), expected, rtol=0, atol=0)


def test_reading_a_window_does_not_load_the_file(path, tmp_path):
    facts = {**FACTS, 'grid': '10,10'}
    with FeatureWriter(
        tmp_path / 'big', times_sec=np.arange(2000.0), width=128, provenance=facts
    ) as writer:  # 51 MB
        for _ in range(20):
            writer.write(np.zeros((100, 128)), np.ones((100, 100, 128), np.float16))
    FeatureFile(path).read()  # loads what reading needs
    before = _resident_bytes()

    file = FeatureFile(tmp_path / 'big')  # kept, so that what it mapped stays counted
    block = file.read(list(range(500, 580)))

    assert block.patches.shape == (80, 100, 128)
    assert _resident_bytes() - before < 15e6  # 2 MB are read


def _resident_bytes():
    with open('/proc/self/statm') as file:  # noqa: PTH123
        return int(file.read().split()[1]) * 4096


def test_chunks_written_one_by_one_equal_one_write(path, tmp_path, arrays):
    with FeatureWriter(
        tmp_path / 'chunks', times_sec=arrays['times_sec'], width=4, provenance=FACTS
    ) as writer:
        for part in (slice(0, 2), slice(2, 9)):
            writer.write(arrays['frames'][part], arrays['patches'][part])

    assert (tmp_path / 'chunks').read_bytes() == path.read_bytes()


def test_any_safetensors_reader_can_open_the_file(path, arrays):
    with safe_open(path, framework='np') as file:
        assert set(file.keys()) == {'times_sec', 'frames', 'patches'}
        np.testing.assert_array_equal(file.get_tensor('times_sec'), arrays['times_sec'])


def test_an_interrupted_write_leaves_the_old_file_and_no_other(path, arrays):
    before = path.read_bytes()

    def write_and_stop():
        with FeatureWriter(
            path, times_sec=arrays['times_sec'], width=4, provenance=FACTS
        ) as writer:
            writer.write(arrays['frames'][:3], arrays['patches'][:3])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_and_stop()

    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_what_a_killed_run_left_of_the_same_video_is_removed(path, arrays):
    for name in ('.vid.safetensors.abc.tmp', '.vid2.safetensors.abc.tmp'):
        (path.parent / name).touch()

    write_features(path, **arrays, provenance=FACTS)

    names = sorted(p.name for p in path.parent.iterdir())
    assert names == ['.vid2.safetensors.abc.tmp', 'vid.safetensors']


FULL_DISK = """
import resource, signal, sys
import numpy as np
from stgr.io.feature_writer import write_features
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
facts = {'reader': 'a', 'rate_fps': 1, 'image_size': 1, 'grid': '1,1', 'backbone_sha256': 'a'}
times, frames = np.arange(5000.0), np.zeros((5000, 8))  # 120 kB
for limit in (100, 60_000, 120_000):  # in the header, while writing, at the very end
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        write_features(sys.argv[1], times_sec=times, frames=frames, patches=None, provenance=facts)
    except OSError as error:
        print(error)
    else:
        sys.exit(f'no error at {limit} bytes')
"""


@pytest.mark.skipif(not hasattr(signal, 'SIGXFSZ'), reason='needs POSIX file size limits')
@pytest.mark.parametrize('is_temporary', [True, False])
def test_a_full_disk_names_the_file_and_leaves_nothing(is_temporary, tmp_path, monkeypatch):
    folder = tmp_path / ('temporary' if is_temporary else 'store')
    for each in (tmp_path / 'temporary', folder):
        each.mkdir(exist_ok=True)
    monkeypatch.setenv('TMPDIR', str(tmp_path / 'temporary'))

    done = subprocess.run(
        [sys.executable, '-c', FULL_DISK, str(folder / 'a')],
        check=False, capture_output=True, text=True,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    advice = 'let TMPDIR name a temporary folder' if is_temporary else 'write it elsewhere'
    lines = done.stdout.splitlines()
    assert len(lines) == 3
    assert all(advice in line and str(folder / 'a') in line for line in lines)
    assert list(folder.iterdir()) == []


def test_a_file_with_frames_missing_is_not_finished(tmp_path, arrays):
    with (
        pytest.raises(ValueError, match='3 of 9 frames'),
        FeatureWriter(
            tmp_path / 'x', times_sec=arrays['times_sec'], width=4, provenance=FACTS
        ) as writer,
    ):
        writer.write(arrays['frames'][:3], arrays['patches'][:3])

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'frames': np.zeros((8, 4))}, r'frames'),
        ({'patches': np.zeros((9, 5, 4))}, r'patches \(9, 5, 4\)'),
        ({'frames': np.full((9, 4), 1e6)}, 'not finite in float16'),
        ({'times_sec': np.zeros(9)}, 'ascending'),
        ({'provenance': {'reader': 'pyav'}}, 'missing: rate_fps, image_size, grid'),
    ],
)
def test_what_cannot_be_stored_truly_is_refused(tmp_path, arrays, change, message):
    with pytest.raises(ValueError, match=message):
        write_features(tmp_path / 'x', **{**arrays, 'provenance': FACTS, **change})

    assert list(tmp_path.iterdir()) == []


def test_features_of_another_origin_are_refused_with_both_sides_shown(path):
    expected = {**FACTS, 'backbone_sha256': 'cd' * 32, 'image_size': 336}

    with pytest.raises(ValueError, match=r"stored '224', needed '336'.*stored 'abab") as caught:
        FeatureFile(path, expected)

    assert 'rate_fps' not in str(caught.value)  # 2.0 was stored, 2.0 is needed


def test_features_of_the_same_origin_are_accepted_however_it_is_spelt(path):
    assert len(FeatureFile(path, {'rate_fps': 2, 'grid': '2,3', 'image_size': '224'})) == 9


def test_the_nearest_stored_frame_is_found_and_ties_go_to_the_earlier(path):
    times = np.array([-1.0, 0.0, 0.2, 0.25, 0.26, 3.9, 99.0])

    assert FeatureFile(path).nearest(times).tolist() == [0, 0, 0, 0, 1, 8, 8]


def test_a_time_belongs_to_the_step_of_frames_that_it_lies_in(tmp_path, arrays):
    write_features(tmp_path / 'steps', **arrays, provenance={**FACTS, 'frames_per_step': 8})
    times = np.array([-1.0, 0.0, 0.26, 0.49, 0.5 - 1e-9, 0.5, 3.99, 4.4, 99.0])

    assert FeatureFile(tmp_path / 'steps').nearest(times).tolist() == [0, 0, 0, 0, 1, 1, 7, 8, 8]


def test_the_only_frame_of_a_file_is_nearest_to_everything(tmp_path):
    one = {'times_sec': np.zeros(1), 'frames': np.ones((1, 4)), 'patches': None}
    write_features(tmp_path / 'one', **one, provenance=FACTS)

    file = FeatureFile(tmp_path / 'one')

    assert file.nearest(np.array([-1.0, 5.0])).tolist() == [0, 0]
    with pytest.raises(ValueError, match='frame features only'):
        file.read([0])


def test_a_store_finds_files_by_video_and_checks_their_origin(path):
    store = FeatureStore(path.parent, FACTS)

    assert (store.has('vid'), store.has('other')) == (True, False)
    assert len(store.open('vid')) == 9
    with pytest.raises(ValueError, match='another origin'):
        FeatureStore(path.parent, {'reader': 'decord'}).open('vid')
    with pytest.raises(FileNotFoundError, match=r'other\.safetensors'):
        store.open('other')
    with pytest.raises(ValueError, match='plain file name'):
        store.has('../vid')


def test_a_damaged_file_is_named(path):
    path.write_bytes(path.read_bytes()[:200])

    with pytest.raises(ValueError, match=r'vid.safetensors: damaged'):
        FeatureFile(path)
