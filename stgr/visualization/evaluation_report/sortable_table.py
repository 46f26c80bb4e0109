"""Tables that can be sorted by a press on a head, if scripts run."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from stgr.visualization.evaluation_report.markup import NOTHING, clean, format_share

KINDS = ('text', 'count', 'share')


@dataclass(frozen=True)
class Column:
    """One column.

    Args:
        name: Its head.
        kind: ``'text'``; ``'count'``, an integer; ``'share'``, a fraction, written in per cent
            over a bar.
        values: One per row: str, int or float (NaN: undefined).
    """

    name: str
    kind: str
    values: Sequence[str | float]

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f'kind of a column must be one of {KINDS}, but got {self.kind!r}')


def draw_table(columns: Sequence[Column]) -> str:
    """Return a table of equally long columns, the first of which names the rows."""
    heads = ''.join(
        f'<th scope="col"{_class(column)}><button type="button">{escape(column.name)}</button></th>'
        for column in columns
    )
    rows = zip(*(column.values for column in columns), strict=True)
    body = ''.join(
        f'<tr>{"".join(_cell(c, value) for c, value in zip(columns, row, strict=True))}</tr>'
        for row in rows
    )
    return (
        f'<div class="wide"><table class="sortable"><thead><tr>{heads}</tr></thead>'
        f'<tbody>{body}</tbody></table></div>'
    )


def _class(column: Column) -> str:
    return '' if column.kind == 'text' else ' class="number"'


def _cell(column: Column, value: str | float) -> str:
    if isinstance(value, str):
        return f'<td>{clean(value)}</td>'
    if not math.isfinite(value):
        return f'<td class="number" data-v="-1">{NOTHING}</td>'
    if column.kind == 'count':
        return f'<td class="number">{int(value):,}</td>'.replace(',', ' ')
    percent = format_share(value)
    return f'<td class="number share" style="--v:{percent}%">{percent}</td>'
