"""Everything that turns the similarities of one model into probabilities."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from stgr.calibration.background_bank import BackgroundBank, normalise
from stgr.calibration.evidence import strongest_window
from stgr.calibration.logistic import LogisticMap
from stgr.structures import ModelFacts, Span
from stgr.structures.spans import check_probability

_SAME = 1e-6  # two thresholds this near are the same: weights hold them as float32
LOCALIZER_SETTINGS = ('threshold', 'min_duration_sec', 'max_gap_sec')


@dataclass(frozen=True)
class Occurrence:
    """How probable it is that an action happens in a video at all.

    Args:
        window_frames: Length of the run of frames whose mean is the evidence, see
            ``strongest_window``.
        logistic: Platt scaling of the evidence.
        uses_background: Whether the evidence is first compared with the query's own scores on
            background frames (the query's prior).
    """

    window_frames: int
    logistic: LogisticMap
    uses_background: bool

    def __call__(self, frame_scores: np.ndarray, on_background: np.ndarray | None) -> np.ndarray:
        """Return the probability of each query.

        Args:
            frame_scores: Similarity of each query and frame of the video, (Q, F).
            on_background: Of each query and background frame, (Q, N); None if not used.

        Returns:
            (Q,) float64.
        """
        evidence = strongest_window(frame_scores, self.window_frames)
        if self.uses_background:
            assert on_background is not None, 'this calibration looks at background frames'
            evidence = normalise(evidence, on_background)
        return self.logistic(evidence[:, None])


@dataclass(frozen=True)
class SpanCalibration:
    """How probable it is that a span is right.

    Args:
        logistic: Of the span's mean score and the logarithm of its seconds.
        settings: How spans were made: ``threshold``, ``min_duration_sec`` and ``max_gap_sec``; of
            spans made otherwise it says nothing.
    """

    logistic: LogisticMap
    settings: Mapping[str, float]

    def __call__(self, spans: 'tuple[Span, ...]') -> np.ndarray:
        """Return the probability of each span, (N,) float64."""
        return self.logistic(span_features(spans))

    def fits(self, settings: Mapping[str, Any]) -> bool:
        """Return whether spans made with these settings can be judged."""
        return all(
            math.isclose(self.settings[name], float(settings[name]), abs_tol=_SAME)
            for name in LOCALIZER_SETTINGS
        )


def span_features(spans: 'tuple[Span, ...]') -> np.ndarray:
    """Return mean score and log duration of spans, (N, 2) float64."""
    rows = [(span.score, math.log(span.duration_sec)) for span in spans]
    return np.asarray(rows, np.float64).reshape(-1, 2)


@dataclass(frozen=True)
class Calibration:
    """What was learnt about the answers of one model on validation videos.

    Args:
        model_name: What the model is called, for messages.
        weights_sha256: Of the weights it was fitted for; no others fit.
        config_sha256: Of the model's part of the config, likewise.
        rate_fps: Evaluated frames per second: more frames are more chances to be high by chance.
        occurrence: For whole videos.
        spans: For spans, by mode: ``'queries'``, and ``'actions'`` that compete.
        bank: Background frames, if ``occurrence`` uses them.
        min_score: Probability from which 'it happens' was most often right on validation videos.
        provenance: What it was fitted on and how well it did there; JSON values.

    Raises:
        ValueError: If background is used but not there, or a number is out of range.
    """

    model_name: str
    weights_sha256: str | None
    config_sha256: str | None
    rate_fps: float
    occurrence: Occurrence
    spans: Mapping[str, SpanCalibration]
    bank: BackgroundBank | None
    min_score: float
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.occurrence.uses_background and self.bank is None:
            raise ValueError('a calibration that compares with background needs a bank of it')
        check_probability(self.min_score, 'min_score')
        if not (math.isfinite(self.rate_fps) and self.rate_fps > 0):
            raise ValueError(f'rate_fps must be a number > 0, but got {self.rate_fps}')

    def check_model(self, facts: ModelFacts, *, source: str) -> None:
        """Raise ``ValueError`` if it was fitted for other weights or another config."""
        for what, there, here in (
            ('weights', self.weights_sha256, facts.weights_sha256),
            ('config', self.config_sha256, facts.config_sha256),
        ):
            if there != here:
                raise ValueError(
                    f'{source} was fitted for another model: {what} {_short(there)} of '
                    f'{self.model_name}, not {_short(here)} of {facts.name}; run stgr calibrate '
                    'with these weights, or remove the file'
                )

    def why_not(self, rate_fps: float) -> str | None:
        """Return why it does not hold at a rate; None if it does."""
        if math.isclose(rate_fps, self.rate_fps, rel_tol=1e-9):
            return None
        return (
            f'the calibration is for {self.rate_fps:g} evaluated frames per second, not '
            f'{rate_fps:g}; answer at that rate, or run stgr calibrate with --fps {rate_fps:g}'
        )


def _short(sha256: str | None) -> str:
    return 'none' if sha256 is None else f'{sha256[:12]}...'
