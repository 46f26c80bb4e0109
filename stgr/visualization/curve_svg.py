"""One query's scores over time as an inline SVG picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from stgr.structures import GroundingResult, QueryResult, Span
from stgr.visualization.common import score_range, threshold_of

WIDTH, HEIGHT = 1000, 60  # units of the picture; the page stretches it
MAX_POINTS = 1000


@dataclass(frozen=True)
class ScoreScale:
    """The range of scores that all curves of a page share.

    Args:
        low: Score at the lower edge.
        high: Score at the upper edge, > ``low``.
    """

    low: float
    high: float

    @classmethod
    def of(cls, result: GroundingResult) -> Self:
        """Return the range that holds all scores and the threshold, with a little room."""
        low, high = score_range(result)
        return cls(low - 0.2 * (high - low), high + 0.1 * (high - low))

    def to_y(self, score: float) -> float:
        """Return the height of a score in the picture, 0 at the top."""
        return HEIGHT * (self.high - score) / (self.high - self.low)


def draw_curve(
    result: GroundingResult,
    query: QueryResult,
    truth: Sequence[Span],
    *,
    colour: str,
    scale: ScoreScale,
) -> str:
    """Return an ``<svg>`` element with spans, truth, curve, threshold and a movable playhead.

    Args:
        result: The whole result, for its times and threshold.
        query: Whose curve.
        truth: True spans, empty if not known.
        colour: CSS colour of the query.
        scale: Range of scores of the page.
    """
    duration_sec = max(result.video.duration_sec, 1e-9)
    parts = [_rectangle(span, duration_sec, 0, HEIGHT, f'{colour}55') for span in query.spans]
    parts += [_rectangle(span, duration_sec, HEIGHT - 6, 6, 'CanvasText') for span in truth]
    threshold = threshold_of(result)
    if threshold is not None:
        y = scale.to_y(threshold)
        parts.append(
            f'<line x1="0" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}" stroke="#888" '
            'stroke-dasharray="6 4" vector-effect="non-scaling-stroke"/>'
        )
    times_sec, scores = thin_out(
        np.append(result.times_sec, result.video.duration_sec),
        query.frame_scores,
    )
    parts.append(
        f'<path d="{_steps(times_sec / duration_sec, scores, scale)}" fill="none" '
        f'stroke="{colour}" stroke-width="1.5" vector-effect="non-scaling-stroke"/>'
    )
    parts.append(f'<line class="head" x1="0" x2="0" y1="0" y2="{HEIGHT}"/>')
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" aria-hidden="true">'
        f'{"".join(parts)}</svg>'
    )


def thin_out(
    edges_sec: np.ndarray, scores: np.ndarray, limit: int = MAX_POINTS
) -> tuple[np.ndarray, np.ndarray]:
    """Return few enough steps to draw, keeping the lowest and the highest score of each stretch.

    Args:
        edges_sec: Start of each step and end of the last, (F + 1,).
        scores: Score of each step, (F,).
        limit: Steps at most, >= 2.

    Returns:
        Edges, (n + 1,), and scores, (n,), with n <= ``limit``.
    """
    count = len(scores)
    if count <= limit:
        return edges_sec, scores
    stretches = np.array_split(np.arange(count), limit // 2)
    kept = [(s[scores[s].argmin()], s[scores[s].argmax()]) for s in stretches]
    index = np.unique(kept)
    return np.append(edges_sec[index], edges_sec[-1]), scores[index]


def _steps(edges: np.ndarray, scores: np.ndarray, scale: ScoreScale) -> str:
    """Path that keeps each score until the next frame; ``edges`` are shares of the duration."""
    if len(scores) == 0:
        return ''
    xs = [f'{edge * WIDTH:.1f}' for edge in edges]
    ys = [f'{scale.to_y(float(score)):.1f}' for score in scores]
    steps = ''.join(f'V{y}H{x}' for x, y in zip(xs[1:], ys, strict=True))
    return f'M{xs[0]} {ys[0]}{steps}'


def _rectangle(span: Span, duration_sec: float, y: int, height: int, fill: str) -> str:
    x = span.start_sec / duration_sec * WIDTH
    width = span.duration_sec / duration_sec * WIDTH
    return f'<rect x="{x:.2f}" y="{y}" width="{width:.2f}" height="{height}" fill="{fill}"/>'
