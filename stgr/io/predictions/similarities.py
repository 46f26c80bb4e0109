"""A matrix of similarities between texts and videos in one ``.npz`` file."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stgr.io.predictions.npz_layout import read_arrays

ARRAYS = ('similarity', 'texts', 'videos')


@dataclass(frozen=True)
class Similarities:
    """How near every text is to every video.

    Args:
        similarity: (Q, N) float64, higher is nearer, finite.
        texts: Names of the rows; None: the order of the ground truth.
        videos: Names of the columns; None likewise.
        source: The file.
    """

    similarity: np.ndarray
    texts: tuple[str, ...] | None
    videos: tuple[str, ...] | None
    source: str


def read_similarities(path: Path) -> Similarities:
    """Read ``similarity`` (Q, N) and, if they are there, the strings ``texts`` and ``videos``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged, lacks the matrix, has unknown arrays, values that are no
            finite numbers, or names that do not fit it or come twice.
    """
    if path.is_dir():
        raise ValueError(f'{path} is a folder; this protocol reads one .npz file')
    arrays = read_arrays(path)
    unknown = sorted(set(arrays) - set(ARRAYS))
    if unknown or 'similarity' not in arrays:
        raise ValueError(
            f'{path}: expected the array similarity (Q, N), and maybe texts and videos, but got '
            f'{sorted(arrays)}'
        )
    matrix = arrays['similarity']
    if matrix.ndim != 2 or matrix.dtype.kind not in 'iuf':
        raise ValueError(
            f'{path}: similarity must be numbers (Q, N), but is {matrix.shape} of {matrix.dtype}'
        )
    matrix = matrix.astype(np.float64)
    bad = int((~np.isfinite(matrix)).sum())
    if bad:
        raise ValueError(f'{path}: {bad} similarities are NaN or infinite')
    texts, videos = (
        _names(path, what, arrays, num)
        for what, num in (('texts', matrix.shape[0]), ('videos', matrix.shape[1]))
    )
    return Similarities(matrix, texts, videos, str(path))


def _names(
    path: Path, what: str, arrays: dict[str, np.ndarray], num: int
) -> tuple[str, ...] | None:
    if what not in arrays:
        return None
    names = arrays[what]
    if names.shape != (num,) or names.dtype.kind != 'U':
        raise ValueError(
            f'{path}: {what} must be ({num},) strings, but is {names.shape} of {names.dtype}'
        )
    found = tuple(str(name) for name in names)
    if len(set(found)) < num:
        twice = next(name for name in found if found.count(name) > 1)
        raise ValueError(f'{path}: {what} name {twice!r} twice')
    return found
