"""The scores of a system beside those of trivial predictors."""

import math
from collections.abc import Collection, Mapping, Sequence
from itertools import groupby

from stgr.visualization.evaluation_report.markup import NOTHING, clean, draw_folded, format_share

Scores = Mapping[str, Mapping[str, float]]


def draw_scores(columns: Scores, main: Sequence[str], *, ceilings: Collection[str] = ()) -> str:
    """Return one table of the main scores and, folded, one of all.

    A trivial predictor that passes the system in the first column is marked: that score does not
    speak for the system.

    Args:
        columns: Name of a system -> ``task/key`` -> value; the first is the one evaluated.
        main: Keys of the first table, in order; those that the first system lacks are left out.
        ceilings: Systems that are bounds and so never marked.
    """
    system = next(iter(columns.values()), {})
    shown = [key for key in main if key in system]
    if not system:
        return '<p class="note">No scores were given.</p>'
    everything = _draw(columns, list(system), ceilings)
    if not shown:
        return everything
    count = f'All {len(system)} scores and denominators'
    return _draw(columns, shown, ceilings) + draw_folded(count, everything)


def _draw(columns: Scores, keys: Sequence[str], ceilings: Collection[str]) -> str:
    heads = ''.join(
        f'<th scope="col" class="number">{clean(name.replace("_", " "))}</th>' for name in columns
    )
    body = []
    for task, group in groupby(keys, lambda key: key.rpartition('/')[0]):
        title = clean(task.replace('_', ' ')) or 'all'
        body.append(f'<tr><th class="task" colspan="{len(columns) + 1}">{title}</th></tr>')
        body += [_row(columns, key, ceilings) for key in group]
    return (
        f'<div class="wide"><table class="scores"><thead><tr><th scope="col">score</th>{heads}</tr>'
        f'</thead><tbody>{"".join(body)}</tbody></table></div>'
    )


def _row(columns: Scores, key: str, ceilings: Collection[str]) -> str:
    cells, system = [], None
    for name, scores in columns.items():
        value = scores.get(key, math.nan)
        if system is None:
            system, style = value, 'number system'
        else:
            passes = name not in ceilings and _is_quality(key) and value > system
            style = 'number beats' if passes else 'number'
        cells.append(f'<td class="{style}">{_format(key, value)}</td>')
    return f'<tr><th scope="row">{clean(key.rpartition("/")[2])}</th>{"".join(cells)}</tr>'


def _is_quality(key: str) -> bool:
    """Tell whether a score is better the higher it is: not a count, a rank or a setting."""
    name = key.rpartition('/')[2]
    return not name.startswith('num_') and 'rank' not in name and '/' in key


def _format(key: str, value: float) -> str:
    if not math.isfinite(value):
        return NOTHING
    if key.rpartition('/')[2].startswith('num_'):
        return f'{value:.0f}'
    if not _is_quality(key) or abs(value) > 1:
        return f'{value:.4g}'
    return format_share(value)
