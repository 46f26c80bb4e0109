"""Images with several true boxes, such as a human and an object: V-HICO, DALY."""

from collections.abc import Sequence

import numpy as np

from stgr.evaluation.functional.arrays import (
    BoolArray,
    FloatArray,
    IntArray,
    class_mean,
    mean_or_nan,
)
from stgr.evaluation.functional.boxes import (
    box_areas,
    clip_boxes,
    intersect_boxes,
    points_in_boxes,
    raster_boxes,
)
from stgr.evaluation.functional.masks import mask_areas
from stgr.evaluation.functional.normalisation import normalise_maps
from stgr.evaluation.functional.place_facts import PlaceFacts, PlaceSettings, areas_of_mask
from stgr.evaluation.functional.places import BoxPlaces, HeatPlaces, MaskPlaces, Places
from stgr.evaluation.functional.points import heatmap_points
from stgr.evaluation.functional.ranking import RULES, average_precision


def compare_with_boxes(
    places: Places,
    boxes_px: Sequence[FloatArray],
    frame_size: tuple[int, int],
    settings: PlaceSettings | None = None,
) -> PlaceFacts:
    """Return how places relate to the union of several true boxes per image.

    The true mask is the union of the image's boxes ("phrase" of V-HICO: human and object); a point
    hits if it lies in any of them, each closed, one without area excepted; a heat map that is zero
    everywhere points nowhere. Source: benchmarks, section 3 (b), "multi-box data".

    Args:
        places: N places.
        boxes_px: Boxes of each image, N arrays (n_i, 4); an image without any is a miss.
        frame_size: Width and height of all N images in pixels: one call per size.
        settings: How maps become points and masks; None means the defaults.

    Returns:
        Facts of all N images; areas are pixels beside masks, exact beside boxes.

    Raises:
        ValueError: If the numbers of places and images differ.
    """
    if len(places) != len(boxes_px):
        raise ValueError(f'{len(places)} places do not fit {len(boxes_px)} images')
    settings = settings or PlaceSettings()
    cut = clip_boxes if isinstance(places, BoxPlaces) else raster_boxes
    parts = [split_union(cut(_as_boxes(boxes), frame_size)) for boxes in boxes_px]
    owner = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    pieces = np.concatenate([np.zeros((0, 4)), *parts])
    somewhere = np.ones(len(places), np.bool_)
    if isinstance(places, HeatPlaces):
        points = heatmap_points(places.maps, frame_size, settings.point_mode)
        place_px, shared = _areas_of_maps(places.maps, owner, pieces, frame_size, settings)
        peak = places.maps.max(axis=(1, 2), initial=-np.inf)
        somewhere = peak > 0
    elif isinstance(places, MaskPlaces):
        points, peak = places.points_px, np.zeros(len(places))
        place_px, shared = _areas_of_masks(places, owner, pieces, frame_size)
    else:
        points, predicted = places.points_px, clip_boxes(places.boxes_px, frame_size)
        place_px = box_areas(predicted)
        shared = box_areas(intersect_boxes(predicted[owner], pieces))
        peak = np.zeros(len(places)) if places.scores is None else places.scores
    return PlaceFacts(
        hit=_hits(points, boxes_px, frame_size) & somewhere,
        place_px=place_px,
        box_px=_sums(owner, box_areas(pieces), len(places)),
        common_px=_sums(owner, shared, len(places)),
        peak=peak,
    )


def split_union(boxes_px: FloatArray) -> FloatArray:
    """Return boxes that do not overlap and cover what the given ones cover.

    Args:
        boxes_px: (n, 4); empty and inverted boxes cover nothing.

    Returns:
        (m, 4): cells of the grid that all edges make.
    """
    boxes = boxes_px[box_areas(boxes_px) > 0]
    x, y = np.unique(boxes[:, 0::2]), np.unique(boxes[:, 1::2])
    if not len(boxes):
        return np.zeros((0, 4))
    left, top = (grid.ravel() for grid in np.meshgrid(x[:-1], y[:-1]))
    right, bottom = (grid.ravel() for grid in np.meshgrid(x[1:], y[1:]))
    cells = np.stack([left, top, right, bottom], axis=1)
    corners = boxes[:, None]
    covered = (corners[..., :2] <= cells[:, :2]) & (cells[:, 2:] <= corners[..., 2:])
    return np.asarray(cells[covered.all(axis=2).any(axis=0)], np.float64)


def score_boxed_images(
    facts: PlaceFacts,
    classes: IntArray,
    *,
    iou_threshold: float = 0.3,
    predicted: BoolArray | None = None,
    drop_unpredicted: bool = False,
) -> dict[str, float]:
    """Return pointing, hit rates and ranked AP over images of known action.

    As ``score_pointing`` and ``score_spatial``, with V-HICO's habit as an option. Source:
    benchmarks, section 3 (b) and section 4: there classes without predictions leave the mean, and
    AP reads 10 of 11 recall points (``hico10``: a perfect detector gets 0.909).

    Args:
        facts: Places against true boxes, N images.
        classes: Class of each image, (N,), >= 0.
        iou_threshold: Hit rates need IoU above it, detections of AP at least it.
        predicted: Images with a prediction, (N,); the others make no detection. None: all.
        drop_unpredicted: Leave classes without any prediction out of the class means of AP;
            otherwise their AP is 0.

    Returns:
        ``pointing_acc``, ``pointing_acc_class``, ``iou_hit_class``, ``iou_hit_micro``,
        ``mean_iou``, ``ap_class_all|_11pt|_hico10``, ``num_frames``, ``num_classes``,
        ``num_dropped_classes``. Fractions; NaN where undefined.

    Raises:
        ValueError: If the numbers of images differ.
    """
    classes = np.asarray(classes, np.int64)
    made = np.ones(len(classes), np.bool_) if predicted is None else np.asarray(predicted, np.bool_)
    if not len(facts.hit) == len(classes) == len(made):
        raise ValueError(
            f'facts, classes and predicted must cover the same images, but cover '
            f'{len(facts.hit)}, {len(classes)} and {len(made)}'
        )
    iou, hit = np.where(made, facts.iou, 0.0), facts.hit & made
    names = np.unique(classes)
    scored = np.unique(classes[made]) if drop_unpredicted else names
    found = {
        'pointing_acc': mean_or_nan(hit),
        'pointing_acc_class': class_mean(hit, classes),
        'iou_hit_class': class_mean(iou > iou_threshold, classes),
        'iou_hit_micro': mean_or_nan(iou > iou_threshold),
        'mean_iou': mean_or_nan(iou),
        'num_frames': float(len(classes)),
        'num_classes': float(len(names)),
        'num_dropped_classes': float(len(names) - len(scored)),
    }
    for rule in RULES:
        found[f'ap_class_{rule}'] = mean_or_nan(
            [
                average_precision(
                    facts.peak[made & (classes == name)],
                    iou[made & (classes == name)] >= iou_threshold,
                    int((classes == name).sum()),
                    rule=rule,
                )
                for name in scored
            ]
        )
    return found


def _areas_of_masks(
    places: MaskPlaces, owner: IntArray, pieces: FloatArray, frame_size: tuple[int, int]
) -> tuple[FloatArray, FloatArray]:
    """Return the area of each mask, (N,), and what it shares with each piece of its image, (M,)."""
    nothing = np.zeros(4, np.int64)
    whole = [areas_of_mask(mask, nothing, frame_size)[0] for mask in places.masks]
    shared = [
        areas_of_mask(places.masks[image], piece, frame_size)[1]
        for image, piece in zip(owner.tolist(), pieces.astype(np.int64), strict=True)
    ]
    return np.asarray(whole, np.float64), np.asarray(shared, np.float64)


def _areas_of_maps(
    maps: FloatArray,
    owner: IntArray,
    pieces: FloatArray,
    frame_size: tuple[int, int],
    settings: PlaceSettings,
) -> tuple[FloatArray, FloatArray]:
    """Return the pixels of each map's mask, (N,), and those in each piece of a true mask, (M,)."""
    scaled, threshold = normalise_maps(maps, settings.normalisation), settings.mask_threshold
    nothing = np.zeros((len(maps), 4))
    whole, _ = mask_areas(scaled, nothing, frame_size, threshold=threshold)
    _, shared = mask_areas(scaled[owner], pieces, frame_size, threshold=threshold)
    return whole.astype(np.float64), shared.astype(np.float64)


def _sums(owner: IntArray, values: FloatArray, num: int) -> FloatArray:
    """Return the sum of the values of each image, (N,)."""
    return np.bincount(owner, values, num).astype(np.float64)


def _as_boxes(boxes_px: FloatArray) -> FloatArray:
    return np.asarray(boxes_px, np.float64).reshape(-1, 4)


def _hits(
    points: FloatArray, boxes_px: Sequence[FloatArray], frame_size: tuple[int, int]
) -> BoolArray:
    """Tell which points lie in any box of their image."""
    owner = np.repeat(np.arange(len(boxes_px)), [len(_as_boxes(boxes)) for boxes in boxes_px])
    boxes = np.concatenate([np.zeros((0, 4)), *map(_as_boxes, boxes_px)])
    inside = points_in_boxes(points[owner], boxes, frame_size)
    return np.asarray(np.bincount(owner, inside, len(boxes_px)) > 0, np.bool_)
