"""Class names across videos: two videos mean the same class by the same string."""

from collections.abc import Sequence

import numpy as np

from stgr.evaluation.functional.arrays import IntArray
from stgr.evaluation.functional.frame_facts import FrameFacts
from stgr.structures import BACKGROUND


def class_ids(videos: Sequence[FrameFacts]) -> dict[str, int]:
    """Return a number for every name of every pool, in order of first appearance."""
    ids: dict[str, int] = {}
    for video in videos:
        for name in video.pool:
            ids.setdefault(name, len(ids))
    return ids


def global_labels(labels: IntArray, pool: Sequence[str], ids: dict[str, int]) -> IntArray:
    """Return labels as numbers of ``class_ids`` instead of indices of the pool; -1 stays -1."""
    table = np.asarray([*(ids[name] for name in pool), BACKGROUND], np.int64)
    return table[labels]
