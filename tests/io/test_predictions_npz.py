"""Predictions as NPZ: what is read, and that nothing is unpickled."""

import io
import zipfile

import numpy as np
import pytest

from stgr.io.predictions import read_predictions


def arrays(num=3, **changes):
    found = {
        'a|label': np.array(['x', 'background', 'y'][:num]),
        'a|score': np.linspace(0, 1, num),
        'a|heat': np.ones((num, 2, 2), np.float32),
        'a|gtheat': np.full((num, 2, 2), 2.0),
        'a|logp': np.zeros((num, 4)),
    }
    return found | changes


@pytest.fixture
def read(tmp_path):
    def make(found):
        np.savez(tmp_path / 'p.npz', **found)
        return read_predictions(tmp_path / 'p.npz')

    return make


def test_arrays_become_a_record(read):
    (found,) = read(arrays())

    assert found.labels == ['x', None, 'y']
    assert found.scores.tolist() == [0, 0.5, 1]
    assert found.places.heatmaps.shape == (3, 2, 2)
    assert found.query_places.heatmaps.max() == 2
    assert found.log_probs.shape == (3, 4)


def test_names_of_videos_may_hold_bars(read):
    found = {name.replace('a|', 'a|b|'): array for name, array in arrays().items()}

    assert read(found)[0].video_id == 'a|b'


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'a|score': np.zeros(2)}, r"video 'a': 2 scores for 3 seconds"),
        ({'a|score': np.array([0, np.nan, 1])}, r"video 'a': scores have 1 values that are NaN"),
        ({'a|heat': np.full((3, 2, 2), np.inf)}, r'heat maps have 12 values that are NaN or inf'),
        ({'a|heat': -np.ones((3, 2, 2))}, r'heat maps must be >= 0, but go down to -1'),
        ({'a|heat': np.ones((3, 4))}, r'heat must have 3 axes'),
        ({'a|logp': np.full((3, 4), -np.inf)}, r'12 log-probabilities are NaN or infinite'),
        ({'a|label': np.arange(3)}, r'label must be \(T,\) strings'),
        ({'a|hat': np.zeros(3)}, r"array 'a\|hat' is not named video\|what"),
        ({'b|heat': np.zeros((3, 2, 2))}, r"video 'b' has \['heat'\], but no \['label', 'score'\]"),
        ({'a|label': np.array(['x', None, 'y'], object)}, r'Python objects, which are not read'),
    ],
)
def test_mistake_is_named_with_video_and_array(read, changes, message):
    with pytest.raises(ValueError, match=message):
        read(arrays(**changes))


class Evil:
    """What runs code when it is unpickled."""

    def __reduce__(self):
        return (pytest.fail, ('unpickled',))


def test_nothing_is_unpickled(tmp_path):
    np.savez(tmp_path / 'p.npz', **{'a|label': np.array([Evil()], object)})

    with pytest.raises(ValueError, match='Python objects, which are not read'):
        read_predictions(tmp_path / 'p.npz')


def test_array_that_lies_about_its_size_asks_for_no_memory(tmp_path):
    stream = io.BytesIO()
    header = {'descr': '<f8', 'fortran_order': False, 'shape': (10**15,)}
    np.lib.format.write_array_header_1_0(stream, header)
    with zipfile.ZipFile(tmp_path / 'p.npz', 'w') as archive:
        archive.writestr('a|score.npy', stream.getvalue() + b'12345678')

    with pytest.raises(ValueError, match='needs 8000000000000000 bytes, but has 8'):
        read_predictions(tmp_path / 'p.npz')


def test_one_changed_byte_of_data_is_noticed(tmp_path):
    path = tmp_path / 'p.npz'
    np.savez(path, **arrays())
    content = bytearray(path.read_bytes())
    content[content.index(np.float64(0.5).tobytes()) + 1] ^= 1
    path.write_bytes(content)

    with pytest.raises(ValueError, match='CRC'):
        read_predictions(path)


def test_array_that_is_there_twice_is_refused(tmp_path):
    np.savez(tmp_path / 'p.npz', **arrays())
    with (
        zipfile.ZipFile(tmp_path / 'p.npz', 'a') as archive,
        pytest.warns(UserWarning, match='Duplicate name'),
    ):
        archive.writestr('a|score.npy', archive.read('a|score.npy'))

    with pytest.raises(ValueError, match=r"array 'a\|score' occurs twice"):
        read_predictions(tmp_path / 'p.npz')
