"""Single-action clips: one step searched in a short window around it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stgr.evaluation.functional.arrays import BoolArray, IntArray, class_mean, mean_or_nan
from stgr.evaluation.functional.boxes import is_wide
from stgr.evaluation.functional.frame_facts import FrameFacts
from stgr.evaluation.functional.ranking import average_precisions
from stgr.evaluation.functional.tube_table import TubeSettings, predicted_places
from stgr.evaluation.functional.tubes import tube_overlap


@dataclass(frozen=True)
class ClipFacts:
    """What one clip says about its own step.

    Args:
        label: The step's name.
        num_hits: ``|I|``, predicted frames of the step itself with the point in the box.
        num_union: ``|G u P|``.
        overlap: Overlap of the clip's predicted with its true tube, in [0, 1].
        score: Mean score over P; None if nothing is predicted.
        wide: Whether the mean clipped area of the true boxes exceeds 16.3 % of the frame.
    """

    label: str
    num_hits: int
    num_union: int
    overlap: float
    score: float | None
    wide: bool


def reduce_clip(
    video: FrameFacts, start_sec: float, end_sec: float, label: str, *, overlap: str = 'volume'
) -> ClipFacts | None:
    """Return what a clip is scored by.

    The step lasts from s to e; its window is ``[s - L, e + L]``, L = e - s, closed at both ends and
    cut to the video. P: frames of the window predicted as the step; G: frames of ``[s, e]`` truly
    of its label; the same label elsewhere in the window is a negative. Source: the paper's appendix
    9.2; benchmarks, sections 3 (f) and 3.1 (f).

    Args:
        video: Facts of the clip's video with places of the predicted labels: predictions of the
            whole video, or, of a record of its own, those for the clip's step alone.
        start_sec: s.
        end_sec: e, annotated seconds, both inclusive.
        label: The step's name.
        overlap: Of the tubes, see ``tube_overlap``.

    Returns:
        The facts; None for a clip without a boxed frame of its own label, which is not scored.

    Raises:
        ValueError: If the step ends before it starts, or an action is predicted without a place.
    """
    if end_sec < start_sec:
        raise ValueError(
            f'video {video.video_id!r}: a clip ends before it starts: {start_sec}..{end_sec} s'
        )
    if label not in video.pool:
        return None
    number = video.pool.index(label)
    truth = (video.gt_labels == number) & _within(video, start_sec, end_sec)
    if not truth.any():
        return None
    length = end_sec - start_sec
    window = _within(video, start_sec - length, end_sec + length)
    predicted = (video.pred_labels == number) & window
    places = predicted_places(video)
    found, true = np.flatnonzero(predicted), np.flatnonzero(truth)
    return ClipFacts(
        label=label,
        num_hits=int((predicted & truth & places.hit).sum()),
        num_union=int((predicted | truth).sum()),
        overlap=tube_overlap(found, true, places, overlap=overlap),
        score=float(video.pred_scores[predicted].mean()) if len(found) else None,
        wide=bool(is_wide(video.box_area_px[truth].mean(), video.frame_size)),
    )


def score_single_action(
    clips: Sequence[ClipFacts | None], settings: TubeSettings | None = None
) -> dict[str, float]:
    """Return IoU+Point and video mAP of single-action clips.

    ``IoU+Point = |I| / |G u P|`` with the clip's one class. Video mAP takes each clip as a video of
    its own with one true and at most one predicted tube; AP ranks the clips of one string by their
    score (equal scores keep their order), mean over strings. Source: the paper's Table 7;
    benchmarks, section 3 (f).

    Args:
        clips: Facts of each clip; None is left out, counted.
        settings: Thresholds, strictness and AP rule; None means the defaults. Tube kind, gap and
            matching mean nothing here; the overlap was chosen in ``reduce_clip``.

    Returns:
        ``iou_point`` (mean over clips), ``iou_point_micro`` (counts summed over clips), ``mAP@t``,
        ``mAP@first:last``, ``hit_class|_micro|_wide|_saturated@t`` (share of clips whose tube
        overlaps enough), ``num_clips``, ``num_unboxed_clips`` (left out), ``num_classes``,
        ``num_det``. Fractions; NaN where undefined.
    """
    settings = settings or TubeSettings()
    scored = [clip for clip in clips if clip is not None]
    hits = np.asarray([clip.num_hits for clip in scored], np.float64)
    union = np.asarray([clip.num_union for clip in scored], np.float64)
    names = {name: i for i, name in enumerate(sorted({clip.label for clip in scored}))}
    labels = np.asarray([names[clip.label] for clip in scored], np.int64)
    wide = np.asarray([clip.wide for clip in scored], np.bool_)
    overlaps = np.asarray([clip.overlap for clip in scored], np.float64)
    found: dict[str, float] = {}
    for threshold in settings.thresholds:
        hit = settings.passes(overlaps, threshold)
        found[f'mAP@{threshold:g}'] = _mean_ap(scored, labels, hit, settings.rule)
        found[f'hit_class@{threshold:g}'] = class_mean(hit, labels)
        found[f'hit_micro@{threshold:g}'] = mean_or_nan(hit)
        found[f'hit_wide@{threshold:g}'] = mean_or_nan(hit[wide])
        found[f'hit_saturated@{threshold:g}'] = mean_or_nan(hit[~wide])
    means = [found[f'mAP@{threshold:g}'] for threshold in settings.thresholds]
    return {
        'iou_point': mean_or_nan(hits / union),
        'iou_point_micro': float(hits.sum() / union.sum()) if scored else float('nan'),
        **found,
        f'mAP@{settings.thresholds[0]:g}:{settings.thresholds[-1]:g}': mean_or_nan(means),
        'num_clips': float(len(scored)),
        'num_unboxed_clips': float(len(clips) - len(scored)),
        'num_classes': float(len(names)),
        'num_det': float(sum(clip.score is not None for clip in scored)),
    }


def _mean_ap(clips: list[ClipFacts], labels: IntArray, hit: BoolArray, rule: str) -> float:
    tubes = np.asarray([clip.score is not None for clip in clips], np.bool_)
    scores = np.asarray([clip.score for clip in clips if clip.score is not None], np.float64)
    num = np.bincount(labels)
    return mean_or_nan(average_precisions(labels[tubes], scores, hit[tubes], num, rule=rule))


def _within(video: FrameFacts, start_sec: float, end_sec: float) -> BoolArray:
    inside = (video.times_sec >= start_sec) & (video.times_sec <= end_sec)
    return np.asarray(inside, np.bool_)
