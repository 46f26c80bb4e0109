"""One picture of a video's moments: what a model answers beside what is true."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stgr.visualization.drawing import blend_heat, draw_box, make_heat_layer, make_label, paste
from stgr.visualization.painter import font_size

ANSWER_COLOUR = (230, 120, 0)
TRUTH_COLOUR = (0, 158, 115)
GAP_PX = 4


@dataclass(frozen=True)
class PanelSide:
    """What is drawn over a frame.

    Args:
        label: Written in its corner.
        heat: Map on the patch grid, (h, w), shown from its least heat on; None: none is drawn.
        box_px: Box ``x1, y1, x2, y2`` in pixels of the original frame; None: none is drawn.
        point_px: Column and row of a point in it; None: none is drawn.
    """

    label: str
    heat: np.ndarray | None = None
    box_px: np.ndarray | None = None
    point_px: np.ndarray | None = None


def draw_panel(
    frames: Sequence[np.ndarray],
    answers: Sequence[PanelSide],
    truths: Sequence[PanelSide],
    *,
    side_px: int = 320,
) -> np.ndarray:
    """Return a row per frame: the answer at the left, the truth at the right.

    Args:
        frames: What the video shows, (H, W, 3) uint8 RGB each, of one size; not changed.
        answers: What is drawn over each of them at the left.
        truths: Likewise at the right.
        side_px: The longer side of each of the pictures.

    Returns:
        The panel, (rows, columns, 3) uint8 RGB.

    Raises:
        ValueError: If there is no frame.
    """
    if not frames:
        raise ValueError('a panel needs at least one frame')
    rows = []
    for frame, answer, truth in zip(frames, answers, truths, strict=True):
        left = _draw(frame, answer, ANSWER_COLOUR, side_px)
        right = _draw(frame, truth, TRUTH_COLOUR, side_px)
        between = np.full((len(left), GAP_PX, 3), 255, np.uint8)
        rows += [np.concatenate([left, between, right], axis=1)]
    below = np.full((GAP_PX, rows[0].shape[1], 3), 255, np.uint8)
    return np.concatenate([part for row in rows for part in (row, below)][:-1])


def _draw(
    frame: np.ndarray, side: PanelSide, colour: tuple[int, int, int], side_px: int
) -> np.ndarray:
    import cv2

    factor = side_px / max(frame.shape[:2])  # small ones are enlarged: labels must be read
    size = round(frame.shape[1] * factor), round(frame.shape[0] * factor)
    scale = np.array([size[0] / frame.shape[1], size[1] / frame.shape[0]])
    smooth = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    picture = cv2.resize(frame, size, interpolation=smooth)
    if side.heat is not None:
        above = side.heat - side.heat.min()  # attention leaves some heat everywhere
        picture = blend_heat(picture, make_heat_layer(above, colour, size=size))
    if side.box_px is not None:
        draw_box(picture, side.box_px * np.tile(scale, 2), colour)
    if side.point_px is not None:
        x, y = np.floor(side.point_px * scale).astype(int).tolist()
        for ink, thickness in (((255, 255, 255), 3), (colour, 1)):
            cv2.drawMarker(picture, (x, y), ink, cv2.MARKER_CROSS, 14, thickness)
    label = make_label(side.label, colour, font_px=font_size(size), max_width_px=size[0])
    paste(picture, label, x=0, y=0)
    return picture
