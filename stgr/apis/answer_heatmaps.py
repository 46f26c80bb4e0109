"""Heat maps of many queries on their own frames, computed together."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from stgr.io.feature_files import FeatureFile
    from stgr.models.grounders.base_grounder import BaseGrounder
    from stgr.structures.features import TextFeatures

FRAMES_PER_BATCH = 256
BYTES_PER_BATCH = 512 << 20  # of patches; those of several layers are as many times as wide
# From so many windows on, a query is computed apart, what its text alone decides only once.
WINDOWS_OF_ITS_OWN = 8


class Window(NamedTuple):
    """Consecutive frames whose patches compete for the heat of one query.

    Args:
        query: Index of the query.
        first: Index of its first frame.
        length: Number of frames.
    """

    query: int
    first: int
    length: int


def answer_heatmaps(
    model: 'BaseGrounder',
    features: 'FeatureFile',
    text: 'TextFeatures',
    frames_of_query: Sequence[np.ndarray],
) -> list[np.ndarray]:
    """Return where each query is seen in the frames that were given to it.

    Only these pairs of query and frame go through the local head: those of a query with many
    frames by themselves, all others in common batches.

    Args:
        model: Whose heads look.
        features: Of the whole video.
        text: Features of Q queries.
        frames_of_query: Indices of the frames of each query, Q arrays of ascending integers.

    Returns:
        Q arrays of maps, (N, h, w) float32, one per frame.
    """
    rows, columns = features.grid
    maps = [np.zeros((len(frames), rows, columns), np.float32) for frames in frames_of_query]
    windows = [
        window
        for query, frames in enumerate(frames_of_query)
        for window in _windows(query, frames, model.heat_window)
    ]
    for batch in _batches(windows, _frames_per_batch(model)):
        heat = _heat(model, features, text, batch).reshape(len(batch), -1, rows, columns)
        for window, values in zip(batch, heat, strict=True):
            start = int(np.searchsorted(frames_of_query[window.query], window.first))
            maps[window.query][start : start + window.length] = values
    return maps


def _windows(query: int, frames: np.ndarray, size: int) -> Iterator[Window]:
    """Yield the windows of a query, of which none goes over a gap between frames."""
    gaps = np.flatnonzero(np.diff(frames) > 1) + 1
    for run in np.split(frames, gaps):
        for start in range(0, len(run), size):
            yield Window(query, int(run[start]), min(size, len(run) - start))


def _frames_per_batch(model: 'BaseGrounder') -> int:
    """Return how many frames' patches are held together."""
    rows, columns = model.backbone.grid
    bytes_per_frame = 4 * rows * columns * model.backbone.patch_dim
    return max(1, min(FRAMES_PER_BATCH, BYTES_PER_BATCH // bytes_per_frame))


def _batches(windows: Sequence[Window], frames: int) -> Iterator[list[Window]]:
    """Yield windows of one length, and of one query where it has many of them."""
    common: dict[int, list[Window]] = {}
    for (_, length), group in groupby(sorted(windows, key=_kind), key=_kind):
        alike = list(group)
        if len(alike) >= WINDOWS_OF_ITS_OWN:
            yield from _cut(alike, max(1, frames // length))
        else:
            common.setdefault(length, []).extend(alike)
    for length, mixed in common.items():
        yield from _cut(mixed, max(1, frames // length))


def _kind(window: Window) -> tuple[int, int]:
    return window.query, window.length


def _cut(windows: list[Window], size: int) -> Iterator[list[Window]]:
    for start in range(0, len(windows), size):
        yield windows[start : start + size]


def _heat(
    model: 'BaseGrounder', features: 'FeatureFile', text: 'TextFeatures', batch: list[Window]
) -> np.ndarray:
    """Return the maps of N windows of T frames, (N, T, P) float32."""
    import torch
    from einops import rearrange

    from stgr.structures.features import TextFeatures

    frames = [window.first + i for window in batch for i in range(window.length)]
    patches = features.read_patches(frames).to(model.device).float()
    queries = [window.query for window in batch]
    if len(set(queries)) == 1:
        queries = queries[:1]  # one text for all windows: what it alone decides is computed once
    mask = text.mask[queries]
    # Of GEM's action, verb and object the second may be missing: up to the last one, not how many.
    length = max(1, int((mask * torch.arange(1, mask.shape[1] + 1, device=mask.device)).max()))
    chosen = TextFeatures(text.sentence[queries], text.words[queries, :length], mask[:, :length])
    with torch.no_grad():
        heat = model.heatmaps(rearrange(patches, '(n t) p c -> n t p c', n=len(batch)), chosen)
    values: np.ndarray = heat.cpu().numpy()
    return values
