"""One picture of all queries over time: scores, threshold, what was found, what is true."""

import io
import os
import textwrap
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stgr.io.atomic import write_atomically
from stgr.structures import GroundingResult, QueryResult, Span
from stgr.visualization.common import (
    format_clock,
    one_line,
    query_colours,
    score_range,
    threshold_of,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW_INCHES = 0.62
MARGIN_INCHES = 0.75  # above and below the rows: title, time axis and legend
TRUTH_COLOUR = '#222222'
TICK_STEPS_SEC = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)


def write_timeline(
    result: GroundingResult,
    out_path: str | os.PathLike[str],
    *,
    truth: Mapping[str, Sequence[Span]] | None = None,
    max_queries: int = 40,
) -> Path:
    """Write a PNG with a row per query: its curve, the threshold, its spans and the truth.

    All rows share one scale, so heights can be compared. If there are more than ``max_queries``,
    those that were found and then those of highest score are drawn, in the order asked, and the
    title says how many are not.

    Args:
        result: What was found.
        out_path: A ``.png`` file, overwritten.
        truth: True spans of some queries, by the text of the query; None if not known.
        max_queries: Rows at most, >= 1.

    Returns:
        The path of the picture.

    Raises:
        ValueError: If ``max_queries`` is not positive.
        KeyError: If ``truth`` holds a query that was not asked.
    """
    if max_queries < 1:
        raise ValueError(f'max_queries must be >= 1, but got {max_queries}')
    truth = dict(truth or {})
    unknown = set(truth) - {query.query for query in result.queries}
    if unknown:
        raise KeyError(f'truth is given for {sorted(unknown)}, which were not asked')
    figure = _draw(result, truth, choose_queries(result.queries, max_queries))
    picture = io.BytesIO()
    with warnings.catch_warnings():  # a script without letters is drawn as boxes
        warnings.filterwarnings('ignore', message='Glyph')
        figure.savefig(picture, format='png')
    return write_atomically(out_path, picture.getvalue())


def choose_queries(queries: Sequence[QueryResult], limit: int) -> list[int]:
    """Return which queries to draw, ascending: the found ones first, then the best scores."""
    best_first = sorted(
        range(len(queries)), key=lambda i: (not queries[i].found, -queries[i].score, i)
    )
    return sorted(best_first[:limit])


def _draw(
    result: GroundingResult, truth: Mapping[str, Sequence[Span]], chosen: Sequence[int]
) -> 'Figure':
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError('pictures need matplotlib: pip install matplotlib') from error
    rows = max(1, len(chosen))
    height = rows * ROW_INCHES + 2 * MARGIN_INCHES
    figure = Figure(figsize=(12, height), dpi=100)
    FigureCanvasAgg(figure)
    axes = list(figure.subplots(rows, 1, sharex=True, squeeze=False)[:, 0])
    top, bottom = 1 - MARGIN_INCHES / height, MARGIN_INCHES / height
    figure.subplots_adjust(left=0.24, right=0.89, top=top, bottom=bottom, hspace=0.25)
    low, high = score_range(result)
    limits = low - 0.3 * (high - low), high + 0.1 * (high - low)  # below: the strip of the truth
    colours = query_colours(len(result.queries))
    for axis, index in zip(axes, chosen, strict=False):
        query = result.queries[index]
        red, green, blue = colours[index]
        _draw_row(axis, result, query, truth.get(query.query), f'#{red:02x}{green:02x}{blue:02x}')
        axis.set_ylim(*limits)
    _finish(figure, axes, result, len(chosen), has_truth=bool(truth))
    return figure


def _draw_row(
    axis: 'Axes',
    result: GroundingResult,
    query: QueryResult,
    truth: Sequence[Span] | None,
    colour: str,
) -> None:
    for span in query.spans:
        axis.axvspan(span.start_sec, span.end_sec, color=colour, alpha=0.3, linewidth=0)
    for span in truth or ():
        axis.axvspan(span.start_sec, span.end_sec, ymax=0.12, color=TRUTH_COLOUR, linewidth=0)
    if len(result.times_sec):
        # A step lasts until the next frame, as spans do; the last until the video ends.
        times = np.append(result.times_sec, result.video.duration_sec)
        scores = np.append(query.frame_scores, query.frame_scores[-1])
        axis.plot(times, scores, color=colour, linewidth=1.1, drawstyle='steps-post')
    threshold = threshold_of(result)
    if threshold is not None:
        axis.axhline(threshold, color='#666666', linewidth=0.8, linestyle='--')
    row: dict[str, Any] = {
        'transform': axis.transAxes,
        'va': 'center',
        'parse_math': False,  # a dollar sign in a query is no formula
        'fontsize': 9,
    }
    name = '\n'.join(textwrap.wrap(one_line(query.query, 58), 30))
    axis.text(-0.055, 0.5, name, ha='right', **row)
    surety = f'{query.score:.2f}'
    if query.probability is not None:
        surety = f'{100 * query.probability:.0f} %'
    verdict = f'found {surety}' if query.found else f'not found {surety}'
    axis.text(1.01, 0.5, verdict, ha='left', color='black' if query.found else '#777777', **row)
    axis.tick_params(labelsize=7, length=2, labelbottom=False)
    axis.spines[['top', 'right']].set_visible(False)


def _finish(
    figure: 'Figure',
    axes: Sequence['Axes'],
    result: GroundingResult,
    drawn: int,
    *,
    has_truth: bool,
) -> None:
    """Title, time axis and legend."""
    from matplotlib.ticker import FuncFormatter, MultipleLocator

    title = one_line(Path(result.video.path).name, 60)
    left_out = len(result.queries) - drawn
    if left_out:
        missed = sum(not query.found for query in result.queries)
        title += (
            f'   ({drawn} of {len(result.queries)} queries drawn, the found and best-scoring ones; '
            f'{left_out} not drawn, {missed} of all not found)'
        )
    elif not drawn:
        title += '   (no queries)'
    inches = figure.get_figheight()
    figure.text(0.02, 1 - 0.25 / inches, title, fontsize=11, va='center', parse_math=False)
    about = one_line(f'{result.model.name}: {result.model.notice or ""}'.rstrip(': '), 170)
    figure.text(
        0.02, 1 - 0.5 / inches, about, fontsize=9, va='center', color='#b35900', parse_math=False
    )
    last = axes[-1]
    duration_sec = max(result.video.duration_sec, 1e-3)
    last.set_xlim(0, duration_sec)
    step_sec = next((step for step in TICK_STEPS_SEC if duration_sec / step <= 10), duration_sec)
    last.xaxis.set_major_locator(MultipleLocator(step_sec))
    last.tick_params(labelbottom=True, labelsize=8)
    last.xaxis.set_major_formatter(FuncFormatter(_format_tick))
    figure.legend(
        handles=_legend(result, has_truth=has_truth),
        loc='center',
        bbox_to_anchor=(0.565, 0.22 / inches),
        ncols=4,
        fontsize=8,
        frameon=False,
    )


def _format_tick(value: float, _: int | None) -> str:
    return format_clock(max(0, value)).removesuffix('.0')


def _legend(result: GroundingResult, *, has_truth: bool) -> list:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list = [
        Line2D([], [], color='#888888', label='similarity (cosine)'),
        Patch(color='#888888', alpha=0.3, label='predicted span'),
    ]
    threshold = threshold_of(result)
    if threshold is not None:
        label = f'threshold {threshold:.3g}'
        handles.append(Line2D([], [], color='#666666', linestyle='--', label=label))
    if has_truth:
        handles.append(Patch(color=TRUTH_COLOUR, label='truth'))
    return handles
