"""Curves over a common axis."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stgr.visualization.evaluation_report.axes import Scale, draw_axes
from stgr.visualization.evaluation_report.markup import clean, compact, draw_legend

WIDTH, HEIGHT = 480, 290
LEFT, RIGHT, TOP, BOTTOM = 44, 14, 26, 44
SMALL_WIDTH, SMALL_HEIGHT = 150, 100
MAX_POINTS = 1000
SKEWED = 30  # largest value by median: from here on a straight axis shows nothing
CURVE_COLOURS = ('#0072b2', '#d55e00', '#009e73', '#8b5fbf', '#5a6470')


@dataclass(frozen=True)
class Line:
    """One curve.

    Args:
        name: For the legend.
        xs: Positions, (N,), ascending.
        ys: Values, (N,); NaN interrupts the curve.
    """

    name: str
    xs: np.ndarray
    ys: np.ndarray


def draw_lines(
    lines: Sequence[Line],
    *,
    x_label: str,
    y_label: str = '%',
    x_range: tuple[float, float] | None = None,
    y_max: float | None = None,
    mark: tuple[float, str] | None = None,
) -> str:
    """Return a chart with its legend.

    Args:
        lines: The curves, at most five.
        x_label: Name of the horizontal axis.
        y_label: Name of the vertical one; values are fractions, written in per cent.
        x_range: Ends of the horizontal axis; None fits the data, on a logarithmic axis if they
            are positive and skewed.
        y_max: Upper end of the vertical axis; None fits the data.
        mark: A vertical line with a text, such as the setting in use.
    """
    xs = np.concatenate([np.zeros(0), *(line.xs for line in lines)])
    low, high, is_log = _fit(xs, x_range)
    x = Scale(low, high, LEFT, WIDTH - RIGHT, is_log)
    y = Scale(0, y_max or _top(lines), HEIGHT - BOTTOM, TOP)
    parts = [draw_axes(x, y, x_label, y_label)]
    if mark is not None and low <= mark[0] <= high:
        at = x.place(mark[0])
        side, shift = ('end', -5) if at > WIDTH / 2 else ('', 5)
        parts.append(
            f'<path class="mark" d="M{compact(at)} {TOP}V{HEIGHT - BOTTOM}"/>'
            f'<text class="pale {side}" x="{compact(at + shift)}" y="{TOP + 9}">'
            f'{clean(mark[1])}</text>'
        )
    for line, colour in zip(lines, CURVE_COLOURS, strict=False):
        parts.append(
            f'<path class="curve" stroke="{colour}" d="{_path(line, x, y)}">'
            f'<title>{clean(line.name)}</title></path>'
        )
    legend = draw_legend(
        [(colour, line.name) for line, colour in zip(lines, CURVE_COLOURS, strict=False)]
    )
    picture = f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">{"".join(parts)}</svg>'
    return picture + (legend if len(lines) > 1 else '')


def draw_small_lines(line: Line) -> str:
    """Return a thumbnail of one curve in the unit square, with its area filled."""
    x, y = Scale(0, 1, 1, SMALL_WIDTH - 1), Scale(0, 1, SMALL_HEIGHT - 1, 1)
    path = _path(line, x, y)
    return (
        f'<svg class="thumb" viewBox="0 0 {SMALL_WIDTH} {SMALL_HEIGHT}" role="img">'
        f'<path class="grid" d="M1 {SMALL_HEIGHT / 2:g}H{SMALL_WIDTH - 1}M{SMALL_WIDTH / 2:g} 1'
        f'V{SMALL_HEIGHT - 1}"/><rect class="frame" x=".5" y=".5" width="{SMALL_WIDTH - 1}" '
        f'height="{SMALL_HEIGHT - 1}"/><path class="curve" stroke="{CURVE_COLOURS[0]}" d="{path}"/>'
        f'<title>{clean(line.name)}</title></svg>'
    )


def _fit(xs: np.ndarray, x_range: tuple[float, float] | None) -> tuple[float, float, bool]:
    """Return the ends of the horizontal axis and whether it is logarithmic."""
    if x_range is not None:
        return (*x_range, False)
    if not len(xs):
        return 0.0, 1.0, False
    low, high = float(xs.min()), float(xs.max())
    if high <= low:
        return low - 0.5, low + 0.5, False
    return low, high, low > 0 and high > SKEWED * float(np.median(xs))


def _top(lines: Sequence[Line]) -> float:
    """Return a round upper end that holds all values, at most 1 for fractions."""
    values = np.concatenate([np.zeros(1), *(line.ys[np.isfinite(line.ys)] for line in lines)])
    highest = float(values.max())
    return next((top for top in (0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0) if highest <= top), highest)


def _path(line: Line, x: Scale, y: Scale) -> str:
    """Return the curve's path, a single point drawn as a short dash."""
    count = len(line.xs)
    kept = np.unique(np.linspace(0, count - 1, min(count, MAX_POINTS)).astype(np.int64))
    parts, pen_down = [], False
    for index in kept:
        value = float(line.ys[index])
        if not np.isfinite(value):
            pen_down = False
            continue
        at = f'{compact(x.place(float(line.xs[index])))} {compact(y.place(value))}'
        parts.append(f'{"L" if pen_down else "M"}{at}' + ('' if pen_down else 'h.01'))
        pen_down = True
    return ''.join(parts)
