"""Where: from heat maps on the patch grid to points and boxes in the frame."""

from dataclasses import dataclass

import numpy as np

from stgr.ops.upsampled_mask import find_extremes, mask_from
from stgr.registry import LOCALIZERS

# Size of the windows for which the paper states its threshold: 16 frames of 7 x 7 patches.
PAPER_WINDOW_CELLS = 16 * 7 * 7


@dataclass(frozen=True)
class SpatialAnswer:
    """Where one query is seen in each of N frames.

    Args:
        boxes_px: Boxes ``x1, y1, x2, y2`` in pixels of the frame, (N, 4) float32, the right and
            lower edges exclusive, so a single pixel has an area of 1; zeros where not visible.
        points_px: Column and row of the peak pixel, (N, 2) float32; given even if not visible.
        visible: True where the frame has a box, (N,) bool.
    """

    boxes_px: np.ndarray
    points_px: np.ndarray
    visible: np.ndarray


@LOCALIZERS.register_module()
class HeatMapSpatialLocalizer:
    """Points at the peak of each map and boxes what lies in the upper part of its range.

    The map is enlarged bilinearly to the frame (as ``interpolate(align_corners=False)`` of torch
    does), its peak pixel is the point, and the box is tight around those pixels at or above the
    cutoff that hang together (edge to edge) with the peak. Other hot regions are left out. Equal
    peaks: the first in reading order, so a map that is hottest in a border cell points at the very
    border, as the released evaluation does. A map without heat shows nothing.

    The relative cutoff is ours: unlike the paper's it depends neither on the length of the window,
    nor on how heat is normalised, nor on heat that all cells share, which attention always leaves.
    :class:`WindowHeatMapSpatialLocalizer` has the paper's.

    Args:
        relative_threshold: How far from the smallest heat of the map (0) to its peak (1) a pixel
            must reach, in (0, 1]. 0.3 was chosen on TinyKitchen's validation videos.

    Raises:
        ValueError: If ``relative_threshold`` is outside (0, 1].
    """

    def __init__(self, relative_threshold: float = 0.3) -> None:
        if not 0 < relative_threshold <= 1:
            raise ValueError(f'relative_threshold must be in (0, 1], but got {relative_threshold}')
        self.relative_threshold = relative_threshold

    def __call__(self, heatmaps: np.ndarray, *, width_px: int, height_px: int) -> SpatialAnswer:
        """Return box and point of each frame.

        Args:
            heatmaps: One map per frame on the patch grid, (N, h, w), >= 0.
            width_px: Width of the original frame.
            height_px: Height of the original frame.

        Raises:
            ValueError: If a map is not 2-D, negative or not finite, or the frame has no area.
        """
        _check_inputs(heatmaps, width_px, height_px)
        count = len(heatmaps)
        boxes_px, visible = np.zeros((count, 4), 'f4'), np.zeros(count, dtype=bool)
        extremes = find_extremes(heatmaps, (width_px, height_px))
        points_px = extremes.peak_pixels.astype('f4')
        for i, patch_map in enumerate(heatmaps):  # one at a time: a frame-sized mask is large
            peak = extremes.highest[i]
            cutoff = self._cutoff(extremes.lowest[i], peak, grid=patch_map.shape)
            visible[i] = peak > 0 and peak >= cutoff
            if visible[i]:
                mask = mask_from(patch_map, (width_px, height_px), cutoff)
                column, row = extremes.peak_pixels[i].tolist()
                boxes_px[i] = box_around(mask, row=row, column=column)
        return SpatialAnswer(boxes_px, points_px, visible)

    def _cutoff(self, lowest: float, peak: float, *, grid: tuple[int, ...]) -> float:
        """Heat from which a pixel belongs to the mask."""
        # Not ``lowest + share * range``, which can miss the peak by a rounding.
        return peak - (1 - self.relative_threshold) * (peak - lowest)


@LOCALIZERS.register_module()
class WindowHeatMapSpatialLocalizer(HeatMapSpatialLocalizer):
    """Boxes what is hotter than a fixed value, as the paper does; a cool frame shows nothing.

    Heat must come as the local head gives it: the maps of one window of frames sum to 1 together.
    The paper's 0.01 is for windows of 16 x 7 x 7 cells, 7.84 times their mean; for other windows it
    is scaled to stay that multiple of the mean.

    Source: paper, section 4.2 and Table 12 (0.01). The released code has 0.0001 as its default
    (args.py, ``--thre``), below the mean, which boxes nearly everything.

    Args:
        window_frames: Frames over which heat sums to 1; 1 for maps normalised one by one.
        threshold: Heat a pixel of a 784-cell window must reach, > 0.

    Raises:
        ValueError: If a number is not positive.
    """

    def __init__(self, window_frames: int = 16, *, threshold: float = 0.01) -> None:
        if not (window_frames >= 1 and threshold > 0):
            raise ValueError(
                f'window_frames must be >= 1 and threshold > 0, but got {window_frames} and '
                f'{threshold}'
            )
        self.window_frames = window_frames
        self.threshold = threshold

    def _cutoff(self, lowest: float, peak: float, *, grid: tuple[int, ...]) -> float:
        return self.threshold * PAPER_WINDOW_CELLS / (self.window_frames * int(np.prod(grid)))


def box_around(mask: np.ndarray, *, row: int, column: int) -> tuple[int, int, int, int]:
    """Return the tight box of the component of a mask that holds a pixel.

    Args:
        mask: Hot pixels, (H, W) bool; those that share an edge hang together.
        row: Row of a pixel of the mask.
        column: Its column.

    Returns:
        Left, upper, right and lower edge in pixels, the last two exclusive.
    """
    try:
        import cv2
    except ImportError as error:
        raise ImportError('boxes need OpenCV: pip install opencv-python-headless') from error
    # Only the component is visited; labelling all of them takes threads and several times as long.
    filled = mask.astype(np.uint8)
    _, _, _, (x, y, width, height) = cv2.floodFill(filled, None, (column, row), 2, flags=4)
    return x, y, x + width, y + height


def _check_inputs(heatmaps: np.ndarray, width_px: int, height_px: int) -> None:
    if heatmaps.ndim != 3 or 0 in heatmaps.shape[1:]:
        raise ValueError(f'heatmaps must be (N, h, w), but got {heatmaps.shape}')
    if not (np.isfinite(heatmaps).all() and (heatmaps >= 0).all()):
        raise ValueError('heatmaps must be finite and >= 0')
    if width_px < 1 or height_px < 1:
        raise ValueError(f'the frame must have an area, but got {width_px}x{height_px} pixels')
