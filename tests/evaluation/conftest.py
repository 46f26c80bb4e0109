"""A slow oracle: every pixel on its own, written from the definitions and not from the library."""

import math
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest

from stgr.evaluation.functional import BoxPlaces, GroundingRecord, reduce_record


def pixel_value(heat, x, y, frame_size):
    """Bilinear value (align_corners=False) at pixel x, y in exact rational arithmetic."""
    width, height = frame_size
    rows, columns = heat.shape

    def clamp(position, cells):
        position = min(max(position, Fraction(0)), Fraction(cells - 1))
        lower = math.floor(position)
        return lower, min(lower + 1, cells - 1), position - lower

    half = Fraction(1, 2)
    top, bottom, ty = clamp((y + half) * rows / height - half, rows)
    left, right, tx = clamp((x + half) * columns / width - half, columns)
    value = Fraction(0)
    for row, wy in ((top, 1 - ty), (bottom, ty)):
        for column, wx in ((left, 1 - tx), (right, tx)):
            value += wy * wx * Fraction(float(heat[row, column]))
    return value


def all_pixels(heat, frame_size):
    """The upsampled map as rows of fractions."""
    width, height = frame_size
    return [[pixel_value(heat, x, y, frame_size) for x in range(width)] for y in range(height)]


def point(heat, frame_size, mode='first'):
    """Argmax by looking at every pixel in row-major order."""
    rows = all_pixels(heat, frame_size)
    best = max(max(row) for row in rows)
    tied = [(x, y) for y, row in enumerate(rows) for x, v in enumerate(row) if v == best]
    return tied[0] if mode == 'first' else tuple(np.mean(tied, axis=0))


def areas(heat, box, frame_size, threshold):
    """Pixels of the mask, of the half-open box and of both."""
    mask_px = box_px = common_px = 0
    for y, row in enumerate(all_pixels(heat, frame_size)):
        for x, value in enumerate(row):
            mask = value >= Fraction(threshold)
            inside = box[0] <= x < box[2] and box[1] <= y < box[3]
            mask_px, box_px = mask_px + mask, box_px + inside
            common_px += mask and inside
    return mask_px, box_px, common_px


@pytest.fixture
def oracle():
    """The slow functions."""
    return SimpleNamespace(all_pixels=all_pixels, point=point, areas=areas)


@pytest.fixture
def make_record():
    """Build a record of boxes in a 100 x 100 frame from short literals."""

    def make(gt, pred, *, hit=True, pool='abc', scores=None, video_id='v', **changes):
        num = len(gt)
        boxes = np.tile([10.0, 10.0, 20.0, 20.0], (num, 1))
        points = np.where(np.broadcast_to(hit, num)[:, None], [[15.0, 15.0]], [[90.0, 90.0]])
        places = BoxPlaces(points, boxes)
        values = {
            'video_id': video_id,
            'pool': tuple(pool),
            'times_sec': np.arange(num, dtype=float),
            'gt_labels': np.asarray([_index(label, pool) for label in gt]),
            'gt_boxes_px': boxes,
            'frame_size': (100, 100),
            'pred_labels': np.asarray([_index(label, pool) for label in pred]),
            'pred_scores': np.ones(num) if scores is None else np.asarray(scores, float),
            'pred_places': places,
            'query_places': places,
        }
        return GroundingRecord(**(values | changes))

    return make


@pytest.fixture
def make_facts(make_record):
    """The same, reduced."""
    return lambda *args, **kwargs: reduce_record(make_record(*args, **kwargs))


def _index(label, pool):
    return -1 if label == '-' else pool.index(label)
