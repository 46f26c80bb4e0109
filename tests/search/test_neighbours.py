"""FAISS's approximate searches against the exact one."""

import sys

import pytest
import torch
import torch.nn.functional as F

from stgr.search.neighbours import KINDS, check_kind, open_approximate, recall_of
from stgr.search.vectors import VectorFile, write_vectors

APPROXIMATE = [kind for kind, cls in KINDS.items() if cls is not None]


@pytest.fixture(scope='module')
def vectors(tmp_path_factory):
    """Two thousand frames around forty scenes."""
    generator = torch.Generator().manual_seed(0)
    scenes = torch.randn(40, 16, generator=generator)
    frames = scenes.repeat_interleave(50, dim=0) + 0.7 * torch.randn(2000, 16, generator=generator)
    path = tmp_path_factory.mktemp('vectors') / 'v'
    write_vectors(path, [frames], rows=2000, width=16)
    return VectorFile(path)


@pytest.fixture(scope='module')
def queries():
    return F.normalize(torch.randn(32, 16, generator=torch.Generator().manual_seed(1)), dim=1)


class Fixed:
    """A search that always finds the same rows."""

    def __init__(self, rows):
        self.rows = torch.tensor(rows)

    def top(self, queries, count):
        return self.rows[:, :count], None


def test_recall_counts_the_best_frames_and_their_equals(tmp_path):
    frames = torch.tensor([[1.0, 0], [0.8, 0.6], [0.6, 0.8], [0.6, 0.8], [0, 1.0]])
    write_vectors(tmp_path / 'v', [frames], rows=5, width=2)
    file, query = VectorFile(tmp_path / 'v'), torch.tensor([[1.0, 0]])
    exact = file.top(query, 3)[1]

    shares = [
        recall_of(Fixed([rows]), file, query, exact)
        for rows in ([0, 1, 2], [0, 1, 3], [0, 4, 3], [-1, -1, 0])
    ]

    assert shares == pytest.approx([1, 1, 2 / 3, 1 / 3])


@pytest.mark.parametrize('kind', APPROXIMATE)
def test_approximate_search_is_tuned_to_its_recall_and_read_back(kind, vectors, queries, tmp_path):
    pytest.importorskip('faiss')
    frames = KINDS[kind].build(vectors)

    recall = frames.tune(vectors, queries, 20)
    frames.save(tmp_path / 'f')
    again = open_approximate(kind, tmp_path / 'f', frames.effort)

    exact = vectors.top(queries, 20)[1]
    assert recall == recall_of(again, vectors, queries[1::2], exact[1::2])
    assert recall >= 0.9
    assert recall_of(again, vectors, queries[::2], exact[::2]) >= 0.95
    rows, scores = again.top(queries, 20)
    expected = torch.einsum('qkd,qd->qk', vectors.read(0, 2000)[rows], queries)
    assert torch.allclose(scores, expected, atol=1e-5)


def test_more_cells_are_looked_into_until_enough_is_found(vectors, queries, monkeypatch):
    pytest.importorskip('faiss')
    cells = KINDS['ivf'].build(vectors)
    monkeypatch.setattr(type(cells), 'first_effort', 1)
    cells.effort = 1
    before = recall_of(cells, vectors, queries, vectors.top(queries, 20)[1])

    cells.tune(vectors, queries, 20)

    assert before < 0.9
    assert 1 < cells.effort <= cells.most_effort


def test_a_file_that_faiss_cannot_read_is_an_error_of_ours(tmp_path):
    pytest.importorskip('faiss')
    (tmp_path / 'f').write_bytes(b'crack an egg')

    with pytest.raises(ValueError, match='FAISS cannot read it'):
        open_approximate('hnsw', tmp_path / 'f', 64)


def test_a_missing_faiss_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, 'faiss', None)

    with pytest.raises(
        ImportError, match=r"pip install 'stgr\[search\]', or index with --kind exact"
    ):
        check_kind('hnsw')
    check_kind('exact')
    with pytest.raises(ValueError, match='kind must be one of exact, hnsw, ivf'):
        check_kind('flat')
