"""Predictions put beside the truth, second by second; whatever does not fit is told or refused."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from stgr.apis.evaluation.coverage import Coverage
from stgr.apis.evaluation.names import unknown_names
from stgr.apis.evaluation.places import NOWHERE, place_on_truth
from stgr.apis.evaluation.truth import VideoTruth
from stgr.evaluation.functional import BACKGROUND, BoxPlaces, GroundingRecord
from stgr.evaluation.functional.arrays import FloatArray, IntArray
from stgr.io.predictions import VideoPrediction
from stgr.structures import BACKGROUND_NAME

NEAR_SEC = 0.5


@dataclass(frozen=True)
class MatchRules:
    """What happens to what does not fit.

    Args:
        missing: Of a video or second without a prediction: ``'background'`` counts it as
            background, ``'error'`` refuses the file.
        extra_seconds: Of predictions after the end of a video: ``'drop'``, ``'error'``;
            None: drop where the length of the video is a guess, else error.
        unknown_videos: Of videos that the truth lacks: ``'error'``, ``'drop'``.
        second_offset: Added to a second of the truth to find its prediction.
        near_sec: A moment of the truth takes the prediction nearest to it, up to this far away.
        pad_log_probs: Log-probabilities may end before the video does; else that is an error.

    Raises:
        ValueError: If a rule is unknown.
    """

    missing: str = 'background'
    extra_seconds: str | None = None
    unknown_videos: str = 'error'
    second_offset: float = 0.0
    near_sec: float = NEAR_SEC
    pad_log_probs: bool = False

    def __post_init__(self) -> None:
        for name, known in (
            ('missing', ('background', 'error')),
            ('extra_seconds', (None, 'drop', 'error')),
            ('unknown_videos', ('error', 'drop')),
        ):
            if getattr(self, name) not in known:
                raise ValueError(f'{name} must be one of {known}, but got {getattr(self, name)!r}')


@dataclass(frozen=True)
class MatchedVideo:
    """One video's truth and prediction.

    Args:
        truth: What is true.
        record: Truth and prediction side by side; its pool may hold more names than the truth's:
            those that were predicted though they are of other videos.
        log_probs: In the order of the truth's ``class_order``, (T, C), or fewer rows if the rules
            let them end early; None: not said.
    """

    truth: VideoTruth
    record: GroundingRecord
    log_probs: FloatArray | None = None


def match_predictions(
    truths: Sequence[VideoTruth],
    predictions: Sequence[VideoPrediction],
    rules: MatchRules,
    *,
    normalise: Callable[[str], str] = str,
) -> tuple[list[MatchedVideo], Coverage]:
    """Put predictions beside the truth.

    Each moment of the truth takes the prediction nearest in time, at most ``rules.near_sec`` away,
    of two equally near ones the earlier. One without is background without a place. The
    denominators are those of the truth, whatever is missing.

    Args:
        truths: All videos of the ground truth; the result has all of them.
        predictions: Those of a file; one without a single second is none.
        rules: What happens to what does not fit.
        normalise: Makes the spelling of a label that of the truth.

    Returns:
        The videos in the order of the truth, and what was there and was not.

    Raises:
        ValueError: If videos, names, seconds or coordinates do not fit and no rule allows it.
    """
    by_name = _by_video(predictions)
    known = {truth.video_id for truth in truths}
    unknown = [name for name in by_name if name not in known]
    if unknown and rules.unknown_videos == 'error':
        raise ValueError(
            f'{by_name[unknown[0]].source}: {unknown_names("videos", unknown, known)}; correct '
            'them, or drop them with --unknown-videos drop'
        )
    said = {name: one for name, one in by_name.items() if len(one.times_sec)}
    missing = [truth.video_id for truth in truths if truth.video_id not in said]
    if missing and rules.missing == 'error':
        raise ValueError(
            f'{len(missing)} of {len(truths)} videos have no prediction, such as {missing[0]!r}'
        )
    named = {name: _with_names(one, normalise) for name, one in said.items() if name in known}
    _check_labels(truths, named)
    if any(truth.class_order for truth in truths):
        _check_log_probs(list(named.values()))
    coverage = Coverage.of_videos(truths, named, missing, unknown)
    matched = []
    for truth in truths:
        prediction = named.get(truth.video_id)
        video = MatchedVideo(truth, truth.record())
        if prediction is not None:
            video = _match(truth, prediction, rules, coverage)
        matched.append(video)
    coverage.count_places([video.record for video in matched])
    return [_with_nowhere(video, coverage.given) for video in matched], coverage


def _with_nowhere(video: MatchedVideo, given: Collection[str]) -> MatchedVideo:
    """Let a video without places, in a file that has some, point nowhere: misses, not absent."""
    record, num = video.record, video.record.num_frames
    nowhere = BoxPlaces(np.full((num, 2), NOWHERE), np.zeros((num, 4)))
    changes: dict[str, Any] = {}
    if 'points' in given and record.pred_places is None:
        changes['pred_places'] = nowhere
    if 'query_points' in given and record.query_places is None:
        changes['query_places'] = nowhere
    return replace(video, record=replace(record, **changes)) if changes else video


def _by_video(predictions: Sequence[VideoPrediction]) -> dict[str, VideoPrediction]:
    found: dict[str, VideoPrediction] = {}
    for one in predictions:
        if one.video_id in found:
            raise ValueError(
                f'{one.source}: video {one.video_id!r} was there before, at '
                f'{found[one.video_id].source}'
            )
        found[one.video_id] = one
    return found


def _with_names(prediction: VideoPrediction, normalise: Callable[[str], str]) -> VideoPrediction:
    names = {label: normalise(label) for label in set(prediction.labels) if label is not None}
    names = {old: new for old, new in names.items() if new != BACKGROUND_NAME}
    labels = [None if label is None else names.get(label) for label in prediction.labels]
    classes = prediction.classes and tuple(map(normalise, prediction.classes))
    return replace(prediction, labels=labels, classes=classes)


def _check_labels(truths: Sequence[VideoTruth], predictions: Mapping[str, VideoPrediction]) -> None:
    """Refuse names that no video of the data set knows."""
    known = frozenset[str]().union(*(truth.known_names.union(truth.pool) for truth in truths))
    for prediction in predictions.values():
        used = {label for label in prediction.labels if label is not None}
        unknown = sorted(used - known)
        if unknown:
            everywhere = {
                str(label)
                for one in predictions.values()
                for label in one.labels
                if label is not None and label not in known
            }
            raise ValueError(
                f'{prediction.source}: {unknown_names("classes", sorted(everywhere), known)}'
            )


def _check_log_probs(predictions: Sequence[VideoPrediction]) -> None:
    """Refuse a file in which some videos would be aligned and others scored by their labels."""
    given = [one for one in predictions if one.log_probs is not None]
    lacking = [one for one in predictions if one.log_probs is None]
    if given and lacking:
        raise ValueError(
            f'{lacking[0].source}: {len(lacking)} of {len(predictions)} videos have no '
            f'log-probabilities, such as {lacking[0].video_id!r}, but {given[0].video_id!r} has; '
            'give them for all or for none'
        )


def _match(
    truth: VideoTruth, prediction: VideoPrediction, rules: MatchRules, coverage: Coverage
) -> MatchedVideo:
    rows = _rows(truth, prediction, rules, coverage)
    taken = rows >= 0
    pool = truth.pool
    outside = sorted({str(label) for label in prediction.labels if label is not None} - set(pool))
    pool += tuple(outside)
    index = {name: i for i, name in enumerate(pool)}
    labels = np.asarray(
        [BACKGROUND if name is None else index[name] for name in prediction.labels], np.int64
    )
    values: dict[str, Any] = {
        'pred_labels': np.where(taken, labels[rows], BACKGROUND),
        'pred_scores': np.where(taken, prediction.scores[rows], prediction.scores.min()),
        'pred_places': place_on_truth(prediction.places, rows, prediction, truth),
        'query_places': place_on_truth(prediction.query_places, rows, prediction, truth),
    }
    coverage.seconds_of_foreign_class += int((values['pred_labels'] >= len(truth.pool)).sum())
    log_probs = _log_probs(truth, prediction, rows, pad=rules.pad_log_probs)
    return MatchedVideo(truth, truth.record(pool=pool, **values), log_probs)


def _rows(
    truth: VideoTruth, prediction: VideoPrediction, rules: MatchRules, coverage: Coverage
) -> IntArray:
    """Return the moment of the prediction that each moment of the truth takes, -1 for none."""
    wanted, times = truth.times_sec + rules.second_offset, prediction.times_sec
    after = int((times > wanted[-1] + rules.near_sec).sum()) if len(wanted) else len(times)
    drop = rules.extra_seconds or ('error' if truth.length_is_known else 'drop')
    where = f'{prediction.source}: video {prediction.video_id!r}'
    if after and drop == 'error':
        raise ValueError(
            f'{where} has {len(times)} seconds, {after} of them after its last, '
            f'{wanted[-1]:g}; the ground truth has {len(wanted)} (--extra-seconds drop ignores '
            'them)'
        )
    coverage.seconds_dropped += after
    if not len(times):
        rows = np.full(len(wanted), -1)
    else:
        right = np.clip(np.searchsorted(times, wanted), 0, len(times) - 1)
        left = np.maximum(right - 1, 0)
        rows = np.where(wanted - times[left] <= times[right] - wanted, left, right)
        rows = np.where(np.abs(times[rows] - wanted) <= rules.near_sec, rows, -1)
    missing = int((rows < 0).sum())
    if missing and rules.missing == 'error':
        raise ValueError(
            f'{where} has no prediction for {missing} of {len(wanted)} seconds, such as '
            f'{wanted[np.flatnonzero(rows < 0)[0]]:g}'
        )
    coverage.seconds_predicted += len(rows) - missing
    return np.asarray(rows, np.int64)


def _log_probs(
    truth: VideoTruth, prediction: VideoPrediction, rows: IntArray, *, pad: bool
) -> FloatArray | None:
    given = prediction.log_probs
    if given is None or not truth.class_order:
        return None
    where = f'{prediction.source}: video {prediction.video_id!r}'
    order = prediction.classes or truth.class_order
    if len(order) != given.shape[1]:
        raise ValueError(
            f'{where} has {given.shape[1]} log-probabilities per second, but the pool has '
            f'{len(order)} names, background included'
        )
    lacking = sorted(set(truth.class_order) - set(order))
    if lacking:
        raise ValueError(f'{where}: log-probabilities lack the classes {lacking}')
    twice = sorted({name for name in truth.class_order if order.count(name) > 1})
    if twice:
        raise ValueError(f'{where}: log-probabilities have two columns of {twice}')
    if pad and (rows >= 0).any():
        rows = rows[: int(np.flatnonzero(rows >= 0)[-1]) + 1]
    if (rows < 0).any():
        raise ValueError(
            f'{where}: log-probabilities are needed for every second, but {int((rows < 0).sum())} '
            'have none'
        )
    columns = [order.index(name) for name in truth.class_order]
    return np.asarray(given[rows][:, columns], np.float64)
