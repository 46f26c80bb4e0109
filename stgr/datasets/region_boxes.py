"""Several boxes per frame: a human and an object, or several humans."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stgr.io.checked_json import JsonNode


@dataclass(frozen=True)
class Regions:
    """The boxes of one frame.

    Args:
        boxes_px: ``x1, y1, x2, y2`` in pixels, (M, 4) float32; as annotated, empty ones too.
        kinds: ``'human'`` or ``'object'`` for each, M of them.
    """

    boxes_px: np.ndarray
    kinds: tuple[str, ...]

    @property
    def enclosing_px(self) -> np.ndarray:
        """The smallest box around all of them, (4,) float32; zeros without any."""
        if not len(self.boxes_px):
            return np.zeros(4, np.float32)
        return np.concatenate([self.boxes_px[:, :2].min(axis=0), self.boxes_px[:, 2:].max(axis=0)])

    @property
    def num_empty(self) -> int:
        """How many boxes are empty or inverted."""
        return int((self.boxes_px[:, 2:] <= self.boxes_px[:, :2]).any(axis=1).sum())


def join_regions(humans: np.ndarray, objects: np.ndarray) -> Regions:
    """Return the regions of a frame: boxes of humans, (M, 4), then of objects, (N, 4)."""
    boxes_px = np.concatenate([humans, objects]).astype(np.float32)
    return Regions(boxes_px, ('human',) * len(humans) + ('object',) * len(objects))


def merge_regions(regions: Sequence[Regions]) -> Regions:
    """Return the boxes of several annotations of one frame as one."""
    kinds = tuple(kind for region in regions for kind in region.kinds)
    return Regions(np.concatenate([region.boxes_px for region in regions]), kinds)


def read_box_rows(node: JsonNode) -> np.ndarray:
    """Read boxes, one or a list of them, as (M, 4) float64; what follows the corners is dropped.

    Raises:
        ValueError: If a row has fewer than 4 finite numbers; the field is named.
    """
    rows = node.items()
    if rows and not isinstance(rows[0].value, list):
        rows = [node]
    corners = [row.array('float64')[:4] for row in rows]
    short = [row for row, box in zip(rows, corners, strict=True) if len(box) < 4]
    if short:
        raise ValueError(f'{short[0].where} needs the 4 corners of a box, but got {short[0].value}')
    return np.stack(corners) if corners else np.zeros((0, 4))
