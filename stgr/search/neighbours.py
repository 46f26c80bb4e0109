"""The best frames of a query: by comparing it with all, or with FAISS by looking at some.

The exact way needs no FAISS: it reads the vectors where they lie on disk, in float16, and compares
them with a matrix product, so nothing is stored twice and the first answer waits for no file to be
loaded. FAISS's own exact index would hold the same vectors again and be read as a whole.
"""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from stgr.search.vectors import ROWS_PER_BLOCK, VectorFile

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

LINKS = 32  # of a frame in the graph, FAISS's M
# FAISS's efConstruction. Its default of 40 builds in a quarter of the time, but frames of a scene
# are nearly alike: of 40 hours, efSearch 512 then finds 88 % of the best 100, with 200 99.5 %.
EFFORT_WHILE_LINKING = 200
FRAMES_PER_CELL = 39  # that k-means wants at least, by FAISS's own rule
TRAINING_FRAMES_PER_CELL = 64
TARGET_RECALL = 0.95
TOLERANCE = 1e-5  # cosines of the same vectors, summed in another order


class ApproximateFrames(ABC):
    """An index of FAISS over the vectors, which it holds in float16 as they are.

    Args:
        index: What FAISS made or read.
        effort: How far a search looks.
    """

    first_effort: ClassVar[int]

    def __init__(self, index: Any, effort: int) -> None:
        self.index = index
        self.effort = effort

    @classmethod
    def build(cls, vectors: VectorFile) -> 'ApproximateFrames':
        """Return an index of all vectors.

        Raises:
            ImportError: If FAISS is not installed.
        """
        index = cls.make(vectors)
        for start in range(0, vectors.rows, ROWS_PER_BLOCK):
            index.add(vectors.read(start, min(start + ROWS_PER_BLOCK, vectors.rows)).numpy())
        return cls(index, cls.first_effort)

    @classmethod
    @abstractmethod
    def make(cls, vectors: VectorFile) -> Any:
        """Return an index of FAISS without vectors, trained if need be."""

    @abstractmethod
    def parameters(self, count: int) -> Any:
        """Return FAISS's parameters of a search for ``count`` frames."""

    @property
    def most_effort(self) -> int:
        """The effort from which an answer is exact, or no index gets better."""
        return 1 << 14

    def save(self, path: Path) -> None:
        """Write the file that ``open_approximate`` reads."""
        import_faiss().write_index(self.index, str(path))

    def top(self, queries: 'Tensor', count: int) -> 'tuple[Tensor, Tensor]':
        """Return good frames of each query; see ``VectorFile.top``.

        A row is -1 where fewer were found.
        """
        import torch

        params = self.parameters(count)
        scores, rows = self.index.search(queries.numpy(), count, params=params)
        return torch.from_numpy(rows), torch.from_numpy(scores)

    def tune(self, vectors: VectorFile, queries: 'Tensor', count: int) -> float:
        """Choose the effort, and return the recall it gives.

        The least effort (doubled from ``first_effort``) that finds 95 % of the best frames of every
        other query; recall is that of the queries between, which were not used to choose.

        Args:
            vectors: The vectors.
            queries: Vectors of length 1, (Q, D), Q >= 2.
            count: Frames looked for.
        """
        chosen, held_out = queries[::2], queries[1::2]
        self.effort = self.first_effort
        exact = vectors.top(chosen, count)[1]
        while recall_of(self, vectors, chosen, exact) < TARGET_RECALL:
            if self.effort >= self.most_effort:
                break
            self.effort = min(2 * self.effort, self.most_effort)
        return recall_of(self, vectors, held_out, vectors.top(held_out, count)[1])


class GraphFrames(ApproximateFrames):
    """HNSW: a graph of near frames (Malkov and Yashunin, 2018); effort is FAISS's efSearch."""

    first_effort = 64

    @classmethod
    def make(cls, vectors: VectorFile) -> Any:
        """Return a graph without frames."""
        faiss = import_faiss()
        index = faiss.IndexHNSWSQ(
            vectors.width, faiss.ScalarQuantizer.QT_fp16, LINKS, faiss.METRIC_INNER_PRODUCT
        )
        index.hnsw.efConstruction = EFFORT_WHILE_LINKING
        index.train(vectors.read(0, 1).numpy())  # float16 learns nothing, but FAISS asks for it
        return index

    def parameters(self, count: int) -> Any:
        """Return how many frames are kept in view."""
        return import_faiss().SearchParametersHNSW(efSearch=max(self.effort, count))


class CellFrames(ApproximateFrames):
    """IVF: frames in cells around k-means centres; effort is the number of cells looked into."""

    first_effort = 8

    @classmethod
    def make(cls, vectors: VectorFile) -> Any:
        """Return cells without frames, their centres learnt from some frames."""
        faiss = import_faiss()
        cells = max(1, min(int(4 * vectors.rows**0.5), vectors.rows // FRAMES_PER_CELL))
        centres = faiss.IndexFlatIP(vectors.width)
        index = faiss.IndexIVFScalarQuantizer(
            centres, vectors.width, cells, faiss.ScalarQuantizer.QT_fp16,
            faiss.METRIC_INNER_PRODUCT,
        )  # fmt: skip
        index.by_residual = False  # differences to the centres would be rounded a second time
        index.own_fields = True
        centres.this.disown()
        index.cp.min_points_per_centroid = 1  # a library of a few seconds is no reason to warn
        index.train(_some(vectors, TRAINING_FRAMES_PER_CELL * cells))
        return index

    def parameters(self, count: int) -> Any:
        """Return how many cells are looked into."""
        del count
        return import_faiss().SearchParametersIVF(nprobe=self.effort)

    @property
    def most_effort(self) -> int:
        """The number of cells."""
        return int(self.index.nlist)


KINDS: dict[str, type[ApproximateFrames] | None] = {
    'exact': None,
    'hnsw': GraphFrames,
    'ivf': CellFrames,
}


def check_kind(kind: str) -> None:
    """Refuse a kind that is unknown or cannot be made here.

    Raises:
        ValueError: If it is unknown.
        ImportError: If it needs FAISS, which is not installed.
    """
    if kind not in KINDS:
        raise ValueError(f'kind must be one of {", ".join(KINDS)}, but got {kind!r}')
    if KINDS[kind] is not None:
        import_faiss()


def open_approximate(kind: str, path: Path, effort: int) -> ApproximateFrames:
    """Return an index that was saved; its checksum must have been compared before.

    Raises:
        ImportError: If FAISS is not installed.
        ValueError: If the kind is not approximate, or FAISS cannot read the file.
    """
    faiss, cls = import_faiss(), KINDS.get(kind)
    if cls is None:
        raise ValueError(f'{path}: an index of kind {kind!r} has no such file')
    try:
        return cls(faiss.read_index(str(path)), effort)
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f'{path}: FAISS cannot read it ({reason}); make it again') from error


def recall_of(
    frames: ApproximateFrames, vectors: VectorFile, queries: 'Tensor', exact: 'Tensor'
) -> float:
    """Return the share of the best frames that an approximate search finds.

    Frames as good as the last of the best count too: a still picture has a hundred equals.

    Args:
        frames: The search.
        vectors: The vectors.
        queries: Vectors of length 1, (Q, D).
        exact: Cosines of the exact best frames, (Q, count), the best first.
    """
    import torch

    rows, _ = frames.top(queries, exact.shape[1])
    hits = 0
    for query, found, least in zip(queries, rows, exact[:, -1], strict=True):
        chosen = found[found >= 0].tolist()
        if chosen:
            values = torch.cat([vectors.read(row, row + 1) for row in chosen]) @ query
            hits += int((values >= least - TOLERANCE).sum())
    return hits / exact.numel()


def import_faiss() -> Any:
    """Return FAISS.

    Raises:
        ImportError: If it is not installed; the message is the command.
    """
    try:
        import faiss
    except ImportError as error:
        raise ImportError(
            'indexes of kind hnsw and ivf need faiss-cpu; install it with: '
            "pip install 'stgr[search]', or index with --kind exact"
        ) from error
    return faiss


def _some(vectors: VectorFile, count: int) -> 'np.ndarray':
    """Return vectors evenly spread over the library, at most about ``count``."""
    import torch

    step = max(1, vectors.rows // count)
    parts = [
        vectors.read(start, min(start + ROWS_PER_BLOCK, vectors.rows))[::step]
        for start in range(0, vectors.rows, ROWS_PER_BLOCK)
    ]
    return torch.cat(parts).numpy()
