"""The trivial predictors of timelines."""

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from stgr.apis.evaluation.matching import MatchedVideo
from stgr.evaluation.functional import Control, apply_control, transcript_of
from stgr.evaluation.functional.arrays import IntArray

RULES = {
    'chance': 'a random class of the pool or background in every frame',
    'most_frequent': "the video's most frequent true action all the time",
    'all_background': 'no action, ever',
    'uniform_transcript': 'the true order of labels cut into equal parts',
    'random_transcript': 'the true order of labels cut at random',
    'noise_transcript': 'the true order aligned to random numbers as a system would be',
    'oracle': 'the truth itself',
}
_LABELS = {
    'chance': 'random',
    'most_frequent': 'most_frequent',
    'all_background': 'background',
    'uniform_transcript': 'uniform_transcript',
    'oracle': 'truth',
}


def align_controls(
    videos: Sequence[MatchedVideo], *, seed: int
) -> dict[str, Iterator[MatchedVideo]]:
    """Return the same videos with the timelines of each trivial predictor, one at a time.

    Args:
        videos: Truth and the system's predictions, which are not looked at.
        seed: Of the random ones.
    """
    makers: dict[str, Callable[[MatchedVideo], MatchedVideo]] = {
        name: partial(_labelled, rule=_LABELS[name], seed=seed) for name in _LABELS
    }
    makers['random_transcript'] = partial(_cut_at_random, seed=seed)
    makers['noise_transcript'] = partial(_noise, seed=seed)
    return {name: map(makers[name], videos) for name in RULES}


def _labelled(video: MatchedVideo, *, rule: str, seed: int) -> MatchedVideo:
    record = apply_control(video.truth.record(), Control(rule, 'centre'), seed=seed)
    return MatchedVideo(video.truth, record)


def _cut_at_random(video: MatchedVideo, *, seed: int) -> MatchedVideo:
    truth = video.truth
    order = transcript_of(truth.labels)
    generator = _generator(truth.video_id, seed)
    cuts = generator.choice(np.arange(1, len(truth.labels)), len(order) - 1, replace=False)
    entries = np.searchsorted(np.sort(cuts), np.arange(len(truth.labels)), side='right')
    labels: IntArray = order[entries]
    return MatchedVideo(truth, truth.record(pred_labels=labels))


def _noise(video: MatchedVideo, *, seed: int) -> MatchedVideo:
    truth = video.truth
    shape = (len(truth.labels), len(truth.class_order))
    scores = _generator(truth.video_id, seed).normal(size=shape)
    return replace(MatchedVideo(truth, truth.record()), log_probs=scores)


def _generator(video_id: str, seed: int) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(video_id.encode())])
