"""Small drawing operations on RGB frames: labels, heat, boxes, the timeline bar."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from stgr.structures import GroundingResult
from stgr.visualization.common import one_line

Colour = tuple[int, int, int]
HEAT_OPACITY = 0.55  # of the hottest patch; what happens below it must stay visible
BAR_ROWS = 12
BAR_GROUND = (40, 40, 40)


def make_label(text: str, colour: Colour, *, font_px: int, max_width_px: int) -> np.ndarray:
    """Return a text on a plate of its query's colour, (height, width, 3) uint8.

    Args:
        text: Any text; it is put on one line and cut to the width.
        colour: Colour of the plate; the text is black or white, what reads better.
        font_px: Height of the letters.
        max_width_px: The plate is at most this wide.
    """
    from PIL import Image, ImageDraw

    font, shown, pad = _font(font_px), one_line(text, 80), max(2, font_px // 4)
    while len(shown) > 1 and font.getlength(shown) + 2 * pad > max_width_px:
        shown = shown.rstrip('…')[:-1].rstrip() + '…'
    width = min(max_width_px, int(font.getlength(shown)) + 2 * pad + 1)
    plate = Image.new('RGB', (max(1, width), font_px + 2 * pad), colour)
    brightness = 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]
    ink = (0, 0, 0) if brightness > 140 else (255, 255, 255)
    ImageDraw.Draw(plate).text((pad, plate.height // 2), shown, font=font, fill=ink, anchor='lm')
    return np.array(plate)


def make_heat_layer(
    patch_map: np.ndarray, colour: Colour, *, size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Return how much of the frame stays and what is added, both (H, W, 3) uint8.

    Args:
        patch_map: Heat on the patch grid, (h, w), >= 0; opacity is relative to its maximum.
        colour: Colour of the heat.
        size: Width and height of the frame.
    """
    import cv2

    peak = float(patch_map.max())
    heat = patch_map.astype(np.float32) / (peak if peak > 0 else 1.0)
    opacity = cv2.resize(heat, size, interpolation=cv2.INTER_LINEAR)[..., None] * HEAT_OPACITY
    keep = np.repeat(255 * (1 - opacity), 3, axis=2)
    tint = opacity * np.array(colour, dtype=np.float32)
    return keep.round().astype(np.uint8), tint.round().astype(np.uint8)


def blend_heat(frame: np.ndarray, layer: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Return the frame under a layer of :func:`make_heat_layer`."""
    import cv2

    keep, tint = layer
    blended: np.ndarray = cv2.add(cv2.multiply(frame, keep, scale=1 / 255), tint)
    return blended


def draw_box(frame: np.ndarray, box_px: np.ndarray, colour: Colour) -> None:
    """Draw the outline of a box ``x1, y1, x2, y2`` into the frame, inside its edges."""
    import cv2

    height, width = frame.shape[:2]
    line_px = max(1, round(min(height, width) / 180))
    x1, y1 = np.floor(box_px[:2]).astype(int).tolist()
    x2, y2 = (np.ceil(box_px[2:]).astype(int) - 1).tolist()
    corners = (min(x1, width - 1), min(y1, height - 1)), (min(x2, width - 1), min(y2, height - 1))
    cv2.rectangle(frame, *corners, (255, 255, 255), line_px + 2)  # a rim, to stand out anywhere
    cv2.rectangle(frame, *corners, colour, line_px)


def paste(frame: np.ndarray, label: np.ndarray, *, x: int, y: int) -> None:
    """Copy a label into the frame, moved so far that it lies inside, cut if it is larger."""
    height, width = frame.shape[:2]
    label = label[:height, :width]
    x = min(max(0, x), width - label.shape[1])
    y = min(max(0, y), height - label.shape[0])
    frame[y : y + label.shape[0], x : x + label.shape[1]] = label


def make_timeline_bar(
    result: GroundingResult, colours: Sequence[Colour], *, width_px: int
) -> np.ndarray:
    """Return a strip with a row of spans per found query, (height, width_px, 3) uint8.

    Beyond 12 found queries the others share the last row.

    Args:
        result: What was found.
        colours: Colour of each query.
        width_px: Width of the strip; it stands for the whole video.
    """
    found = [i for i, query in enumerate(result.queries) if query.found]
    rows = max(1, min(len(found), BAR_ROWS))
    row_px = max(2, 12 // rows)
    height = rows * (row_px + 1) + 1
    bar = np.full((height + height % 2, width_px, 3), BAR_GROUND, dtype=np.uint8)
    for row, index in enumerate(found):
        top = 1 + min(row, rows - 1) * (row_px + 1)
        for span in result.queries[index].spans:
            left = int(span.start_sec / result.video.duration_sec * width_px)
            right = int(np.ceil(span.end_sec / result.video.duration_sec * width_px))
            bar[top : top + row_px, left : max(right, left + 1)] = colours[index]
    return bar


def draw_playhead(bar: np.ndarray, share: float) -> None:
    """Mark a moment of the video, as a share of its duration, in the strip."""
    x = min(int(share * bar.shape[1]), bar.shape[1] - 1)
    bar[:, max(0, x - 1) : x + 1] = 255


def _font(font_px: int) -> Any:
    """DejaVu Sans, which matplotlib brings along: it covers more scripts than Pillow's own font."""
    try:
        import matplotlib
        from PIL import ImageFont
    except ImportError as error:
        raise ImportError('pictures need matplotlib: pip install matplotlib') from error
    path = Path(matplotlib.get_data_path()) / 'fonts' / 'ttf' / 'DejaVuSans.ttf'
    return ImageFont.truetype(str(path), font_px)
