"""Reliability diagram: the share that is right in each bin of scores, and how many there are."""

import numpy as np

from stgr.visualization.evaluation_report.axes import Scale, draw_axes
from stgr.visualization.evaluation_report.line_chart import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
)
from stgr.visualization.evaluation_report.markup import compact, format_share

STRIP = 34  # height of the histogram


def draw_reliability(
    edges: np.ndarray,
    counts: np.ndarray,
    scores: np.ndarray,
    accuracy: np.ndarray,
    *,
    label: str = 'score of the frame',
    unit: str = 'frames',
) -> str:
    """Return bars of accuracy over the score, the diagonal, and a histogram above.

    Args:
        edges: Borders of the bins, (B + 1,).
        counts: Predictions in each bin, (B,).
        scores: Their mean score, (B,), NaN in an empty bin.
        accuracy: Share that is right, (B,), likewise.
        label: Name of the horizontal axis.
        unit: What is counted.
    """
    low, high = float(edges[0]), float(edges[-1])
    if high <= low:
        low, high = low - 0.5, high + 0.5
    x = Scale(low, high, LEFT, WIDTH - RIGHT)
    y = Scale(0, 1, HEIGHT - BOTTOM, TOP + STRIP + 12)
    parts = [draw_axes(x, y, label, '')]
    parts.append(f'<text x="{LEFT - 30}" y="{TOP + STRIP - 3}">%</text>')
    most = max(int(counts.max(initial=0)), 1)
    for i, count in enumerate(counts):
        if not count:
            continue
        left, right = x.place(float(edges[i])) + 1, x.place(float(edges[i + 1])) - 1
        width, bar = compact(max(right - left, 1)), STRIP * count / most
        top = y.place(float(accuracy[i]))
        title = (
            f'score {edges[i]:.3g} to {edges[i + 1]:.3g}: {count} {unit}, mean score '
            f'{scores[i]:.3f}, {format_share(float(accuracy[i]))} % right'
        )
        parts.append(
            f'<g><title>{title}</title>'
            f'<rect class="count" x="{compact(left)}" y="{compact(TOP - 8 + STRIP - bar)}" '
            f'width="{width}" height="{compact(bar)}"/>'
            f'<rect class="bar" x="{compact(left)}" y="{compact(top)}" width="{width}" '
            f'height="{compact(y.start - top)}"/></g>'
        )
    parts.append(f'<text x="{LEFT}" y="{TOP - 14}">{unit}, at most {most} in a bin</text>')
    if (low, high) == (0, 1):
        parts.append(f'<path class="mark" d="M{x.start:g} {y.start:g}L{x.end:g} {y.end:g}"/>')
    return f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">{"".join(parts)}</svg>'
