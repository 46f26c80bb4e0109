"""Fit a calibration, and choose how, on validation videos alone."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from stgr import __version__
from stgr.apis.answer_judge import background_scores
from stgr.apis.calibration.questions import MODES, RIGHT_IOU, Questions
from stgr.calibration import (
    Calibration,
    Occurrence,
    SpanCalibration,
    fit_logistic,
    strongest_window,
)
from stgr.calibration.background_bank import normalise
from stgr.calibration.calibration import LOCALIZER_SETTINGS, span_features
from stgr.evaluation.functional import balanced_weights, choose_min_score, score_found

if TYPE_CHECKING:
    from stgr.apis.inferencer import GroundingInferencer

WINDOWS = (1, 3, 5, 7)
"""Lengths of the run of frames whose mean is the evidence, tried on validation videos."""


@dataclass(frozen=True)
class Table:
    """Outcomes to fit on, with the video each belongs to.

    Args:
        features: (N, K).
        right: (N,) bool.
        weights: (N,).
        videos: Number of the video, (N,).
    """

    features: np.ndarray
    right: np.ndarray
    weights: np.ndarray
    videos: np.ndarray

    def out_of_fold(self) -> np.ndarray:
        """Return the probability of each outcome by a map fitted without its video, (N,)."""
        found = np.full(len(self.right), np.nan)
        for video in np.unique(self.videos):
            mine = self.videos == video
            logistic = fit_logistic(
                self.features[~mine], self.right[~mine], sample_weights=self.weights[~mine]
            )
            found[mine] = logistic(self.features[mine])
        return found


def fit_calibration(
    inferencer: 'GroundingInferencer',
    questions: Questions,
    *,
    provenance: Mapping[str, Any] | None = None,
) -> Calibration:
    """Return the calibration of a model, chosen by what it says of videos left out of the fit.

    Half of the questions are taken to ask for something that happens. The length of the window of
    evidence, and whether the query's own scores on background are taken off, are those of the least
    log loss when each video in turn is left out (out of the background frames, too).

    Args:
        inferencer: The model that was asked.
        questions: Its answers on validation videos, at least two.
        provenance: What they are, for the record.

    Raises:
        ValueError: If there is one video only, or every query happens everywhere.
    """
    if len(questions.videos) < 2:
        raise ValueError('a calibration needs two validation videos or more, to leave one out')
    on_background = background_of(inferencer, questions.queries, questions)
    tried = {
        (window, uses): occurrence_table(questions, window, on_background if uses else None)
        for uses in ((False, True) if on_background is not None else (False,))
        for window in WINDOWS
    }
    held_out = {choice: table.out_of_fold() for choice, table in tried.items()}
    scores = {
        choice: score_found(held_out[choice], table.right, sample_weights=table.weights)
        for choice, table in tried.items()
    }
    best = min(scores, key=lambda choice: scores[choice]['log_loss'])
    table = tried[best]
    min_score, accuracy = choose_min_score(
        held_out[best], table.right, sample_weights=table.weights
    )
    occurrence = fit_logistic(table.features, table.right, sample_weights=table.weights)
    spans, span_notes = _fit_spans(inferencer, questions)
    return Calibration(
        model_name=inferencer.facts.name,
        weights_sha256=inferencer.facts.weights_sha256,
        config_sha256=inferencer.facts.config_sha256,
        rate_fps=inferencer.rate_fps,
        occurrence=Occurrence(best[0], occurrence, best[1]),
        spans=spans,
        bank=questions.bank if best[1] else None,
        min_score=min_score,
        provenance={
            **(provenance or {}),
            'stgr': __version__,
            'videos': len(questions.videos),
            'queries': len(questions.queries),
            'questions': len(table.right),
            'happening': int(table.right.sum()),
            'truth_sha256': truth_sha256(questions),
            'prior': 'half of the questions ask for something that happens',
            'randomness': 'none: every video is left out once',
            'leave_one_video_out': {**scores[best], 'accuracy_at_min_score': accuracy},
            'tried': [
                {'window_frames': window, 'uses_background': uses, **scores[window, uses]}
                for window, uses in tried
            ],
            'span_is_right': f'temporal IoU >= {RIGHT_IOU:g} with a true span of its query',
            'spans': span_notes,
        },
    )


def occurrence_table(
    questions: Questions, window: int, on_background: Sequence[np.ndarray] | None
) -> Table:
    """Return evidence and outcome of every query in every video.

    Args:
        questions: The answers.
        window: Frames of the evidence.
        on_background: Per video, the similarity of each query and the background frames of other
            videos, (Q, N); None to take nothing off.
    """
    rows = [strongest_window(video.frame_scores, window) for video in questions.videos]
    if on_background is not None:
        rows = [normalise(*pair) for pair in zip(rows, on_background, strict=True)]
    right = np.concatenate([video.happens for video in questions.videos])
    videos = np.repeat(np.arange(len(questions.videos)), len(questions.queries))
    return Table(np.concatenate(rows)[:, None], right, balanced_weights(right), videos)


def background_of(
    inferencer: 'GroundingInferencer', queries: Sequence[str], questions: Questions
) -> list[np.ndarray] | None:
    """Return per video the scores on background frames of the others; None without any."""
    import torch

    bank = questions.bank
    if bank is None or len(set(bank.video_ids)) < 2:
        return None
    with torch.no_grad():
        text = inferencer.model.encode_text(list(queries))
        scores = background_scores(inferencer.model, bank, text)
    return [scores[:, bank.without(video.video_id)] for video in questions.videos]


def span_table(questions: Questions, mode: str) -> Table:
    """Return score, duration and outcome of every span of a mode.

    A span weighs what its question does: half of the questions ask for what happens, where each
    query is judged alone.
    """
    happens = np.stack([video.happens for video in questions.videos])
    weights = np.ones(happens.shape)
    if mode == 'queries':
        weights = balanced_weights(happens.ravel()).reshape(happens.shape)
    spans = [(v, one) for v, video in enumerate(questions.videos) for one in video.spans[mode]]
    return Table(
        span_features(tuple(one.span for _, one in spans)),
        np.asarray([one.right for _, one in spans], bool),
        np.asarray([weights[v, one.query] for v, one in spans], np.float64),
        np.asarray([v for v, _ in spans], np.int64),
    )


def _fit_spans(
    inferencer: 'GroundingInferencer', questions: Questions
) -> tuple[dict[str, SpanCalibration], dict[str, Any]]:
    """Return a calibration per mode, and how many spans there were; none where all are alike."""
    found: dict[str, SpanCalibration] = {}
    notes: dict[str, dict[str, float]] = {}
    for mode in MODES:
        table = span_table(questions, mode)
        notes[mode] = {'spans': len(table.right), 'right': int(table.right.sum())}
        if not table.right.any() or table.right.all():
            continue
        notes[mode]['share_right'] = float(np.average(table.right, weights=table.weights))
        settings = inferencer.settings(exclusive=mode == 'actions')
        found[mode] = SpanCalibration(
            fit_logistic(table.features, table.right, sample_weights=table.weights),
            {name: float(settings[name] or 0.0) for name in LOCALIZER_SETTINGS},
        )
    return found, notes


def truth_sha256(questions: Questions) -> str:
    """Return a checksum of what happens when in the videos, whatever files say so."""
    text = json.dumps({name: list(labels) for name, labels in sorted(questions.truth.items())})
    return hashlib.sha256(text.encode()).hexdigest()
