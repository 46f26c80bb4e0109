"""What the metrics of single tasks read from a model's answer to a video."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from stgr.evaluation.functional import QueryTube, append_background, record_from_mapping
from stgr.evaluation.functional.arrays import FloatArray, IntArray
from stgr.evaluation.functional.frame_facts import label_runs
from stgr.evaluation.functional.records import GroundingRecord

Localizer = Callable[..., Any]


def record_of(sample: Mapping[str, Any]) -> GroundingRecord:
    """Return the record of a sample, whose times have the name they have everywhere."""
    if 'times' in sample:
        return record_from_mapping(sample)
    return record_from_mapping({**sample, 'times': sample['frame_times_sec']})


def alignment_of(sample: Mapping[str, Any], background_score: float | None) -> dict[str, Any]:
    """Return what ``AlignmentMetric`` needs of an answer.

    Args:
        sample: An answer: ``similarity`` (Q, F), ``gt_transcript`` (K,), ``gt_labels`` (F,).
        background_score: See ``append_background``.
    """
    similarity = np.asarray(sample['similarity'], np.float64)
    return {
        'video_id': sample['video_id'],
        'log_scores': append_background(similarity.T, background_score),
        'transcript': np.asarray(sample['gt_transcript'], np.int64),
        'gt_labels': sample['gt_labels'],
    }


def query_tube_of(sample: Mapping[str, Any], localizer: Localizer) -> QueryTube:
    """Return the predicted and the true tube of an answer to one sentence.

    The predicted span is the run of frames with the sentence (``pred_labels`` 0) that holds the
    highest score, up to the next frame that was looked at; without one it is empty. Boxes come from
    the sentence's heat maps on the frames of either tube, which are the only ones that are scored.
    Frames of the true tube without a known box (``eval_mask`` False) are left out; of a tube that
    goes past its clip, the part within counts.

    Args:
        sample: An answer to a pool of one sentence: ``query_id``, ``frame_idx`` (F,),
            ``tube_frames``, ``clip_frames``, ``pred_labels``, ``pred_scores``, ``gt_labels``,
            ``heatmaps``, ``gt_heatmaps``, ``gt_boxes_px``, ``frame_size`` and, where there are
            kinds, ``query_kind``.
        localizer: From maps (N, h, w), ``width_px`` and ``height_px`` to ``boxes_px`` (N, 4).
    """
    frames = np.asarray(sample['frame_idx'], np.int64)
    (start, end), (clip_start, clip_end) = sample['tube_frames'], sample['clip_frames']
    found = np.asarray(sample['pred_labels']) == 0
    inside = np.asarray(sample['gt_labels']) == 0
    maps = np.where(inside[:, None, None], sample['gt_heatmaps'], sample['heatmaps'])
    width, height = sample['frame_size']
    boxes_px = localizer(maps, width_px=int(width), height_px=int(height)).boxes_px
    scored = np.asarray(sample.get('eval_mask', np.ones(len(frames), bool)), bool)
    return QueryTube(
        query_id=str(sample['query_id']),
        frames=frames[scored],
        pred_span=_best_run(frames, found, np.asarray(sample['pred_scores']), clip_end),
        true_span=(max(start, clip_start), min(end, clip_end)),
        pred_boxes_px=np.asarray(boxes_px, np.float64)[scored],
        true_boxes_px=np.asarray(sample['gt_boxes_px'], np.float64)[scored],
        group=sample.get('query_kind'),
    )


def _best_run(
    frames: IntArray, found: np.ndarray, scores: FloatArray, clip_end: int
) -> tuple[float, float]:
    """Return the run of found frames that holds the highest score, half-open, in frames."""
    if not found.any():
        return float(frames[0]), float(frames[0])
    runs = label_runs(np.where(found, 0, -1))
    best = runs[np.where(found, scores, -np.inf).argmax()]
    first, last = np.flatnonzero(runs == best)[[0, -1]]
    ends = np.append(frames[1:], clip_end)
    return float(frames[first]), float(ends[last])
