import pickle

import numpy as np
import pytest

from stgr.datasets.pickled_annotations import read_pickled


def _doubled(times):
    lists: list = [0]
    for _ in range(times):
        lists = [lists, lists]
    return lists


def _endless():
    lists: list = []
    lists.append(lists)
    return lists


def _write(path, value):
    path.write_bytes(pickle.dumps(value, 2))
    return path


def test_what_several_places_share_is_read_at_each(tmp_path):
    box = [1.5, 2, 3, 4]
    content = {'v': {0: box, 1: box}, 'w': (np.array([box]), {7})}

    document = read_pickled(_write(tmp_path / 'a.pkl', content))

    assert document.value == {'v': {0: box, 1: box}, 'w': [[box], [7]]}


@pytest.mark.parametrize('content', [_doubled(40), _endless()], ids=['doubled', 'endless'])
def test_lists_that_grow_without_end_are_refused(tmp_path, content):
    """300 bytes can stand for 2 ** 40 lists."""
    path = _write(tmp_path / 'a.pkl', content)
    with pytest.raises(ValueError, match=r'a.pkl: it copies more than it holds'):
        read_pickled(path)
