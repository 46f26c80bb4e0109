"""Predicted places compared with the true boxes of their frames: a hit and three areas."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from stgr.evaluation.functional.arrays import BoolArray, FloatArray, IntArray
from stgr.evaluation.functional.boxes import (
    box_areas,
    clip_boxes,
    intersect_boxes,
    points_in_boxes,
    raster_boxes,
)
from stgr.evaluation.functional.masks import mask_areas
from stgr.evaluation.functional.normalisation import normalise_maps
from stgr.evaluation.functional.places import BoxPlaces, HeatPlaces, MaskPlaces, Places
from stgr.evaluation.functional.points import heatmap_points
from stgr.structures.run_lengths import RunLengths


@dataclass(frozen=True)
class PlaceSettings:
    """How heat maps become points and masks; kept with every score.

    Args:
        mask_threshold: Mask = upsampled map >= this; 0.01 in the paper (benchmarks 3 (b)).
        normalisation: Scaling before the threshold, see ``normalise_maps``.
        point_mode: See ``heatmap_points``.
    """

    mask_threshold: float = 0.01
    normalisation: str = 'none'
    point_mode: str = 'first'


@dataclass(frozen=True)
class PlaceFacts:
    """Places compared with the true boxes of their frames.

    Args:
        hit: Point inside the closed true box; False on background, (T,).
        place_px: Area of the predicted mask or box, (T,), pixels.
        box_px: Area of the true box inside the frame; 0 on background, (T,), pixels.
        common_px: Area of both together, (T,), pixels.
        peak: Confidence of the place (largest value of the raw heat map), (T,).
    """

    hit: BoolArray
    place_px: FloatArray
    box_px: FloatArray
    common_px: FloatArray
    peak: FloatArray

    @property
    def iou(self) -> FloatArray:
        """Intersection over union of place and true box, (T,); 0 where both are empty."""
        union = self.place_px + self.box_px - self.common_px
        return np.divide(self.common_px, union, out=np.zeros_like(union), where=union > 0)


def join_places(videos: Sequence[PlaceFacts]) -> PlaceFacts:
    """Return the facts of all frames of several videos, one video after another."""
    names = [field.name for field in fields(PlaceFacts)]
    none = np.zeros(0)
    joined = [np.concatenate([none, *(getattr(one, name) for one in videos)]) for name in names]
    return PlaceFacts(joined[0] > 0, *joined[1:])


def compare_places(
    places: Places,
    boxes_px: FloatArray,
    frame_size: tuple[int, int],
    *,
    used: BoolArray,
    settings: PlaceSettings,
) -> PlaceFacts:
    """Return how the places of chosen frames relate to the true boxes.

    Args:
        places: T places.
        boxes_px: True boxes, (T, 4); all zero where there is none.
        frame_size: Width and height in pixels.
        used: Frames to look at, (T,); the others get an empty place.
        settings: How maps become points and masks.

    Returns:
        Facts of all T frames. Areas of true boxes count pixels beside masks (``raster_boxes``)
        and are exact beside boxes; the two agree for integer boxes.
    """
    if isinstance(places, HeatPlaces):
        found = _compare_maps(places.maps[used], boxes_px[used], frame_size, settings)
        box_px = box_areas(raster_boxes(boxes_px, frame_size))
    elif isinstance(places, MaskPlaces):
        found = _compare_masks(places, boxes_px[used], frame_size, used)
        box_px = box_areas(raster_boxes(boxes_px, frame_size))
    else:
        found = _compare_boxes(places, boxes_px[used], frame_size, used)
        box_px = box_areas(clip_boxes(boxes_px, frame_size))
    filled = np.zeros((4, len(boxes_px)))
    filled[:, used] = found
    hit, place_px, common_px, peak = filled
    return PlaceFacts(hit > 0, place_px, box_px, common_px, peak)


def _compare_maps(
    maps: FloatArray, boxes_px: FloatArray, frame_size: tuple[int, int], settings: PlaceSettings
) -> FloatArray:
    scaled = normalise_maps(maps, settings.normalisation)
    areas = mask_areas(scaled, boxes_px, frame_size, threshold=settings.mask_threshold)
    peaks = maps.max(axis=(1, 2), initial=-np.inf)
    return np.stack([map_hits(maps, boxes_px, frame_size, settings.point_mode), *areas, peaks])


def map_hits(
    maps: FloatArray, boxes_px: FloatArray, frame_size: tuple[int, int], point_mode: str
) -> BoolArray:
    """Return which maps, (N, h, w), point into the closed box of their frame, (N,)."""
    points = heatmap_points(maps, frame_size, point_mode)
    somewhere = maps.max(axis=(1, 2), initial=-np.inf) > 0  # all zero: nowhere
    return np.asarray(points_in_boxes(points, boxes_px, frame_size) & somewhere, np.bool_)


def _compare_boxes(
    places: BoxPlaces, boxes_px: FloatArray, frame_size: tuple[int, int], used: BoolArray
) -> FloatArray:
    predicted = clip_boxes(places.boxes_px[used], frame_size)
    common = box_areas(intersect_boxes(predicted, clip_boxes(boxes_px, frame_size)))
    hit = points_in_boxes(places.points_px[used], boxes_px, frame_size)
    scores = np.zeros(len(predicted)) if places.scores is None else places.scores[used]
    return np.stack([hit, box_areas(predicted), common, scores])


def _compare_masks(
    places: MaskPlaces, boxes_px: FloatArray, frame_size: tuple[int, int], used: BoolArray
) -> FloatArray:
    ranges = raster_boxes(boxes_px, frame_size).astype(np.int64)
    masks = places.chosen(used).masks
    rows = [areas_of_mask(*pair, frame_size) for pair in zip(masks, ranges, strict=True)]
    areas = np.asarray(rows, np.float64).reshape(-1, 2).T
    hit = points_in_boxes(places.points_px[used], boxes_px, frame_size)
    return np.stack([hit, *areas, np.zeros(len(hit))])


def areas_of_mask(
    mask: RunLengths | None, box: IntArray, frame_size: tuple[int, int]
) -> tuple[int, int]:
    """Return the pixels of a mask and those of them in a box of whole pixels."""
    if mask is None:
        return 0, 0
    pixels = mask.decode()
    if (mask.width, mask.height) != frame_size:
        pixels = _stretch(pixels, frame_size)
    inside = pixels[box[1] : box[3], box[0] : box[2]]
    return int(np.count_nonzero(pixels)), int(np.count_nonzero(inside))


def _stretch(pixels: BoolArray, frame_size: tuple[int, int]) -> BoolArray:
    width, height = frame_size
    rows = (2 * np.arange(height) + 1) * pixels.shape[0] // (2 * height)
    columns = (2 * np.arange(width) + 1) * pixels.shape[1] // (2 * width)
    return np.asarray(pixels[rows][:, columns], np.bool_)
