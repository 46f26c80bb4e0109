"""Seconds of a step that nobody boxed: background, as released, or left out."""

from collections.abc import Sequence

import numpy as np

from stgr.evaluation.functional.arrays import BoolArray
from stgr.evaluation.functional.records import GroundingRecord
from stgr.structures import BACKGROUND


def unlabelled_frames(
    record: GroundingRecord, steps_sec: Sequence[tuple[float, float]]
) -> BoolArray:
    """Return the frames within an annotated step that have no label, (T,).

    Trimmed ends and seconds without a majority. Source: benchmarks, section 2.

    Args:
        record: One video.
        steps_sec: ``[start, end)`` of the original steps (the subtitle files), half-open, seconds.
    """
    inside = np.zeros(record.num_frames, np.bool_)
    for start, end in steps_sec:
        inside |= (record.times_sec >= start) & (record.times_sec < end)
    return np.asarray(inside & (record.gt_labels == BACKGROUND), np.bool_)


def ignore_unlabelled(
    record: GroundingRecord, steps_sec: Sequence[tuple[float, float]]
) -> GroundingRecord:
    """Return the record without the unlabelled frames of its steps (``unlabelled="ignore"``).

    The default everywhere is to keep them as background, which is what "majority voting determines
    presence" says. Frames that a left-out one stood between become neighbours.

    Args:
        record: One video.
        steps_sec: As in ``unlabelled_frames``.

    Returns:
        A record of the other frames, truth and prediction alike.
    """
    return record.chosen(~unlabelled_frames(record, steps_sec))
