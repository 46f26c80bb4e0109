"""The vectors of all frames in one file, and the exact search through them."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stgr.io.feature_files import open_safetensors
from stgr.io.safetensors_header import header_bytes, read_header

if TYPE_CHECKING:
    from torch import Tensor

ROWS_PER_BLOCK = 1 << 16  # of scores that are sorted at a time
ROWS_PER_PRODUCT = 1 << 12  # turned into float32 in the cache: ten times as fast as 1 << 16


def write_vectors(path: Path, blocks: 'Iterable[Tensor]', *, rows: int, width: int) -> None:
    """Write vectors, scaled to length 1, as float16.

    Args:
        path: The file.
        blocks: Vectors (n, D), ``rows`` of them altogether; held one block at a time.
        rows: Number N of vectors.
        width: Their width D.

    Raises:
        ValueError: If there are more or fewer, of another width, or a value is not finite.
    """
    import torch.nn.functional as F

    written = 0
    with path.open('wb') as file:
        file.write(header_bytes({}, {'vectors': ('<f2', (rows, width))}))
        for block in blocks:
            if block.ndim != 2 or block.shape[1] != width:
                raise ValueError(f'expected vectors of width {width}, but got {block.shape}')
            half = F.normalize(block.float(), dim=-1).cpu().numpy().astype('<f2')
            if not np.isfinite(half).all():
                raise ValueError('the model gives vectors that are not finite')
            file.write(half.tobytes())
            written += len(half)
    if written != rows:
        raise ValueError(f'expected {rows} vectors, but got {written}')


class VectorFile:
    """Vectors of length 1 on disk, read block by block.

    Args:
        path: A file of ``write_vectors``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged, as far as its header and size tell.
    """

    def __init__(self, path: Path) -> None:
        header = read_header(path)
        if 'vectors' not in header.tensors:
            raise ValueError(f'{path} holds no vectors; make the index again with stgr index')
        self.rows, self.width = header.tensors['vectors'].shape
        self._file = open_safetensors(path)

    def read(self, start: int, stop: int) -> 'Tensor':
        """Return vectors ``[start, stop)``, (n, D) float32."""
        values: Tensor = self._file.get_slice('vectors')[start:stop].float()
        return values

    def scores(self, queries: 'Tensor', start: int, stop: int) -> 'Tensor':
        """Return the cosine of each query with each of some frames, (Q, n) float32.

        Args:
            queries: Vectors of length 1, (Q, D).
            start: First frame.
            stop: The one after the last.
        """
        import torch

        parts = [
            queries @ self.read(first, min(first + ROWS_PER_PRODUCT, stop)).T
            for first in range(start, stop, ROWS_PER_PRODUCT)
        ]
        return torch.cat(parts, dim=1)

    def top(self, queries: 'Tensor', count: int) -> 'tuple[Tensor, Tensor]':
        """Return the best frames of each query: exactly, by comparing it with all.

        Args:
            queries: Vectors of length 1, (Q, D) float32.
            count: How many, at most N.

        Returns:
            Rows (Q, count) int64 and cosines (Q, count), the best first.
        """
        import torch

        best = queries.new_zeros(len(queries), 0)
        rows = torch.zeros(len(queries), 0, dtype=torch.int64)
        for start in range(0, self.rows, ROWS_PER_BLOCK):
            scores = self.scores(queries, start, min(start + ROWS_PER_BLOCK, self.rows))
            block = scores.topk(min(count, scores.shape[1]), dim=1)
            best = torch.cat([best, block.values], dim=1)
            rows = torch.cat([rows, block.indices + start], dim=1)
            kept = best.topk(min(count, best.shape[1]), dim=1)
            best, rows = kept.values, rows.gather(1, kept.indices)
        return rows, best
