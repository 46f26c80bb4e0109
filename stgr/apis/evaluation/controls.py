"""The trivial predictors that every report prints beside a system."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from stgr.apis.evaluation.matching import MatchedVideo
from stgr.apis.evaluation.places import NOWHERE
from stgr.apis.evaluation.truth import VideoTruth
from stgr.evaluation.functional import (
    BoxPlaces,
    Control,
    GroundingRecord,
    apply_control,
    fit_constant_place,
    place_constant,
)

BEST_CONSTANT = 'best_constant_box'
ALL_BACKGROUND = 'all_background'
RULES = {
    'chance': Control('random', 'random'),
    'random': Control('own', 'random'),
    'centre_prior': Control('own', 'centre'),
    'most_frequent': Control('most_frequent', 'centre'),
    'uniform_transcript': Control('uniform_transcript', 'centre'),
    'oracle': Control('truth', 'truth'),
}
OF_SYSTEM = ('random', 'centre_prior', BEST_CONSTANT)  # they keep a system's labels
MEANING = {
    'chance': 'a random label of those asked for or background, a random point and box',
    'random': "the system's labels, a random point and box",
    'centre_prior': "the system's labels, the frame's centre and a box of 0.5 W x 0.6 H around it",
    BEST_CONSTANT: "the system's labels, the constant point and box that fit these truths best",
    'most_frequent': "the video's most frequent true action all the time, centre point and box",
    ALL_BACKGROUND: 'no action and no place, ever',
    'uniform_transcript': 'the true order of labels cut into equal parts, centre point and box',
    'oracle': 'the truth itself',
}


def make_controls(
    videos: Sequence[MatchedVideo], *, seed: int, iou_threshold: float
) -> dict[str, list[MatchedVideo]]:
    """Return the same videos with the predictions of each trivial predictor.

    Args:
        videos: Truth and the system's predictions.
        seed: Of the random ones.
        iou_threshold: The overlap that the best constant box is fitted for.
    """
    constant = fit_constant_place([video.record for video in videos], iou_threshold=iou_threshold)
    found = {}
    for name in MEANING:
        if name == BEST_CONSTANT:
            found[name] = _changed(videos, lambda record: place_constant(record, constant))
        elif name == ALL_BACKGROUND:
            found[name] = [MatchedVideo(video.truth, nowhere(video.truth)) for video in videos]
        else:
            rule = RULES[name]
            own = rule.labels == 'own'
            found[name] = _changed(videos, partial(apply_control, control=rule, seed=seed), own=own)
    return found


def nowhere(truth: VideoTruth) -> GroundingRecord:
    """Return the record of a system that says nothing: background, and no place."""
    num = len(truth.times_sec)
    places = BoxPlaces(np.full((num, 2), NOWHERE), np.zeros((num, 4)))
    return truth.record(pred_places=places, query_places=places)


def _changed(
    videos: Sequence[MatchedVideo],
    change: Callable[[GroundingRecord], GroundingRecord],
    *,
    own: bool = True,
) -> list[MatchedVideo]:
    """Change each record; one with labels of its own starts from the truth's pool alone."""
    return [
        MatchedVideo(video.truth, change(video.record if own else video.truth.record()))
        for video in videos
    ]
