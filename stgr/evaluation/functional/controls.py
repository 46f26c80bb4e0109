"""Trivial predictors of the same records: what every table must show beside a system.

A constant centre point already beats published rows (benchmarks, sections 0 and 5), so a number
without these controls says little. A control is a rule for labels and a rule for places.
"""

import zlib
from dataclasses import dataclass, replace

import numpy as np

from stgr.evaluation.functional.arrays import FloatArray, IntArray
from stgr.evaluation.functional.places import BoxPlaces, Places
from stgr.evaluation.functional.records import GroundingRecord
from stgr.evaluation.functional.transcripts import spread_transcript, transcript_of
from stgr.structures import BACKGROUND

LABEL_RULES = ('own', 'truth', 'random', 'most_frequent', 'background', 'uniform_transcript')
PLACE_RULES = ('own', 'truth', 'centre', 'random')
CENTRE_BOX = (0.5, 0.6)  # of width and height: the best constant box of benchmarks, section 5
RANDOM_BOX = (216 / 640, 230 / 480)  # the random box of benchmarks, section 5


@dataclass(frozen=True)
class Control:
    """A trivial predictor.

    Args:
        labels: ``'own'``: the system's labels and scores; ``'truth'``; ``'random'``: uniform over
            what was asked for and background; ``'most_frequent'``: the video's most frequent true
            action at every frame; ``'background'``: never an action; ``'uniform_transcript'``: the
            true order of labels (runs, background too) cut into equal parts.
        places: ``'own'``; ``'truth'``: the true box and its centre, nothing on unboxed frames;
            ``'centre'``: the frame's centre and a box around it; ``'random'``: a uniform point
            and a random box.
        box_share: Width and height of the centre box as shares of the frame's.

    Raises:
        ValueError: If a rule is unknown, or labels change while places stay the system's own
            (its places belong to its labels).
    """

    labels: str
    places: str
    box_share: tuple[float, float] = CENTRE_BOX

    def __post_init__(self) -> None:
        if self.labels not in LABEL_RULES or self.places not in PLACE_RULES:
            raise ValueError(
                f'a control needs labels of {LABEL_RULES} and places of {PLACE_RULES}, but got '
                f'{self.labels!r} and {self.places!r}'
            )
        if self.places == 'own' and self.labels != 'own':
            raise ValueError(f'labels {self.labels!r} have no places of the system: choose others')


CONTROLS = {
    'chance': Control('random', 'random'),
    'centre': Control('own', 'centre'),
    'most_frequent': Control('most_frequent', 'centre'),
    'all_background': Control('background', 'centre'),
    'uniform_transcript': Control('uniform_transcript', 'centre'),
    'oracle': Control('truth', 'truth'),
}


def apply_control(record: GroundingRecord, control: Control, *, seed: int = 0) -> GroundingRecord:
    """Return the record with the control's predictions in place of the system's.

    Random rules depend on the seed and the video's name only, not on the order of videos or on
    ranks.

    Args:
        record: One video with any system's predictions.
        control: The trivial predictor.
        seed: Of the random rules.

    Returns:
        A record of the same truth. Places of the true labels are replaced by the same rule.
    """
    generator = np.random.default_rng([seed, zlib.crc32(record.video_id.encode())])
    labels, scores = _labels(record, control.labels, generator)
    best = record.pred_best_labels if control.labels == 'own' else None
    changed = replace(record, pred_labels=labels, pred_scores=scores, pred_best_labels=best)
    if control.places == 'own':
        return changed
    return replace(
        changed,
        pred_places=_places(record, control, generator),
        query_places=_places(record, control, generator),
    )


def _labels(
    record: GroundingRecord, rule: str, generator: np.random.Generator
) -> tuple[IntArray, FloatArray]:
    truth = record.gt_labels
    constant = np.ones(len(truth))
    if rule == 'own':
        return record.pred_labels, record.pred_scores
    if rule == 'truth':
        return truth, (truth != BACKGROUND).astype(np.float64)
    if rule == 'random':
        num = len(record.pool) if record.num_asked is None else record.num_asked
        labels = generator.integers(BACKGROUND, num, len(truth))
        return labels, generator.random(len(truth))
    if rule == 'uniform_transcript':
        return uniform_transcript(truth), constant
    actions = truth[truth != BACKGROUND]
    if rule == 'background' or not len(actions):
        return np.full_like(truth, BACKGROUND), np.zeros(len(truth))
    return np.full_like(truth, np.bincount(actions).argmax()), constant


def uniform_transcript(labels: IntArray) -> IntArray:
    """Return the order of the labels (runs, background too) spread evenly over the frames.

    Frame t of T gets entry ``floor((t + 1/2) K / T)`` of K.

    Args:
        labels: (T,), -1 is background.

    Returns:
        (T,).
    """
    if not len(labels):
        return labels
    return spread_transcript(transcript_of(labels), len(labels))


def _places(record: GroundingRecord, control: Control, generator: np.random.Generator) -> Places:
    num, size = record.num_frames, np.asarray(record.frame_size, np.float64)
    if control.places == 'truth':
        boxes = record.gt_boxes_px
        return BoxPlaces((boxes[:, :2] + boxes[:, 2:]) / 2, boxes)
    if control.places == 'centre':
        half = size * control.box_share / 2
        box = np.concatenate([size / 2 - half, size / 2 + half])
        return BoxPlaces(np.tile(size / 2, (num, 1)), np.tile(box, (num, 1)))
    extent = size * RANDOM_BOX
    corners = generator.random((num, 2)) * (size - extent)
    points = generator.random((num, 2)) * size
    return BoxPlaces(
        points, np.concatenate([corners, corners + extent], axis=1), generator.random(num)
    )
