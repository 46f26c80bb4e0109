"""What data sets with boxes on single frames of a video share: how an item is made and counted."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from stgr.datasets.region_boxes import Regions


def framewise_truth(
    labels: Sequence[str], regions: Sequence[Regions], pool: Sequence[str]
) -> dict[str, Any]:
    """Return what is true on each of T annotated frames, under the keys of an item.

    Args:
        labels: Action of each frame, T of them.
        regions: Boxes of each frame.
        pool: Actions asked for, which hold all labels.

    Returns:
        * ``pool``, ``labels``, ``gt_labels`` (T,) int64: index into the pool;
        * ``region_boxes_px``: per frame (M, 4) float32, and ``region_kinds``: per frame M times
          ``'human'`` or ``'object'``;
        * ``boxes_px`` (T, 4) float32: the smallest box around all regions of a frame;
        * ``eval_mask`` (T,) bool: frames that have a box.
    """
    index = {name: position for position, name in enumerate(pool)}
    return {
        'pool': list(pool),
        'labels': list(labels),
        'gt_labels': np.array([index[label] for label in labels], dtype=np.int64),
        'region_boxes_px': [region.boxes_px for region in regions],
        'region_kinds': [region.kinds for region in regions],
        'boxes_px': np.stack([region.enclosing_px for region in regions]),
        'eval_mask': np.array([len(region.boxes_px) > 0 for region in regions]),
    }


def count_regions(regions: Sequence[Regions]) -> dict[str, int]:
    """Return how many frames and boxes there are, and how many of them are of no use."""
    return {
        'num_frames': len(regions),
        'num_frames_without_boxes': sum(not len(region.boxes_px) for region in regions),
        'num_boxes': sum(len(region.boxes_px) for region in regions),
        'num_empty': sum(region.num_empty for region in regions),
    }
