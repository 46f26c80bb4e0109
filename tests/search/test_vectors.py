"""Vectors on disk, and the exact search against sorting everything."""

import pytest
import torch
import torch.nn.functional as F

from stgr.search import vectors as module
from stgr.search.vectors import VectorFile, write_vectors


@pytest.fixture
def numbers():
    return torch.randn(50, 8, generator=torch.Generator().manual_seed(0)) * 5


def test_vectors_come_back_with_length_one(numbers, tmp_path):
    write_vectors(tmp_path / 'v', [numbers[:20], numbers[20:]], rows=50, width=8)

    file = VectorFile(tmp_path / 'v')

    assert (file.rows, file.width) == (50, 8)
    assert torch.allclose(file.read(15, 25), F.normalize(numbers[15:25], dim=1), atol=5e-4)


@pytest.mark.parametrize('count', [1, 9, 50])
def test_best_frames_are_those_of_sorting_all(numbers, count, tmp_path, monkeypatch):
    write_vectors(tmp_path / 'v', [numbers], rows=50, width=8)
    monkeypatch.setattr(module, 'ROWS_PER_BLOCK', 7)  # the best of several blocks are merged
    monkeypatch.setattr(module, 'ROWS_PER_PRODUCT', 3)
    queries = F.normalize(numbers[[3, 30]] + 1, dim=1)
    file = VectorFile(tmp_path / 'v')

    rows, scores = file.top(queries, count)

    expected = (queries @ file.read(0, 50).T).sort(dim=1, descending=True)
    assert rows.equal(expected.indices[:, :count])
    assert torch.allclose(scores, expected.values[:, :count], atol=1e-6)


@pytest.mark.parametrize(
    ('rows', 'width', 'message'),
    [(49, 8, 'expected 49 vectors, but got 50'), (50, 7, 'vectors of width 7')],
)
def test_vectors_that_do_not_fit_are_refused(numbers, rows, width, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        write_vectors(tmp_path / 'v', [numbers], rows=rows, width=width)


def test_vectors_that_are_not_finite_are_refused(numbers, tmp_path):
    numbers[3, 2] = torch.nan

    with pytest.raises(ValueError, match='not finite'):
        write_vectors(tmp_path / 'v', [numbers], rows=50, width=8)


def test_a_cut_file_is_noticed(numbers, tmp_path):
    write_vectors(tmp_path / 'v', [numbers], rows=50, width=8)
    (tmp_path / 'v').write_bytes((tmp_path / 'v').read_bytes()[:-2])

    with pytest.raises(ValueError, match='damaged file'):
        VectorFile(tmp_path / 'v')
