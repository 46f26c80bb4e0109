"""A confusion matrix: shares of each row as shades, counts as numbers."""

from collections.abc import Sequence

import numpy as np

from stgr.visualization.common import one_line
from stgr.visualization.evaluation_report.markup import clean, compact, format_share

CELL, MARGIN = 28, 20
LETTER = 6.6  # width of a letter, generously
DOWN_LIMIT, ACROSS_LIMIT = 26, 20  # letters of a name
RIGHT_RGB, WRONG_RGB = (0, 90, 150), (190, 75, 10)
READABLE = 0.55  # from this shade on the numbers are white


def draw_matrix(names: Sequence[str], counts: np.ndarray) -> str:
    """Return the matrix, true labels down and predicted labels across.

    The shade of a cell is its share of the row, blue on the diagonal, orange beside it; the number
    is its count of frames. A row without frames stays white.

    Args:
        names: K classes, background last.
        counts: (K, K).
    """
    left = round(LETTER * (min(max(map(len, names)), DOWN_LIMIT) + 8))
    top = round(LETTER * 0.8 * min(max(map(len, names)), ACROSS_LIMIT)) + MARGIN
    extent = len(names) * CELL
    totals = counts.sum(axis=1)
    parts = []
    for i, name in enumerate(names):
        label = f'{clean(name, DOWN_LIMIT)} <tspan class="soft">{int(totals[i])}</tspan>'
        at = (i + 0.5) * CELL + 4
        parts.append(f'<text class="end" x="-8" y="{i * CELL + 18}">{label}</text>')
        parts.append(
            f'<text transform="translate({compact(at)} -8) rotate(-50)">'
            f'{clean(name, ACROSS_LIMIT)}</text>'
        )
        parts += [_cell(names, counts, i, j) for j in np.flatnonzero(counts[i]).tolist()]
    lines = ''.join(f'M0 {i * CELL}h{extent}M{i * CELL} 0v{extent}' for i in range(len(names) + 1))
    parts.append(f'<path class="grid" d="{lines}"/>')
    width, height = left + extent + 4 * MARGIN, top + extent + MARGIN
    return (
        f'<div class="wide"><svg class="matrix" style="width:{width}px" '
        f'viewBox="{-left} {-top} {width} {height}" role="img" '
        f'aria-label="Confusion matrix">{"".join(parts)}</svg></div>'
    )


def _cell(names: Sequence[str], counts: np.ndarray, i: int, j: int) -> str:
    share = float(counts[i, j] / counts[i].sum())
    x, y = j * CELL, i * CELL
    what = f'{one_line(names[i], 60)} → {one_line(names[j], 60)}: {counts[i, j]} frames'
    ink = ' class="white"' if share > READABLE else ''
    number = _short(int(counts[i, j]))
    return (
        f'<g><title>{clean(what, 200)}, {format_share(share)} %</title>'
        f'<rect x="{x}" y="{y}" width="{CELL}" height="{CELL}" '
        f'fill="{_shade(share, RIGHT_RGB if i == j else WRONG_RGB)}"/>'
        f'<text{ink} x="{compact(x + CELL / 2)}" y="{y + 18}">{number}</text></g>'
    )


def _shade(share: float, rgb: tuple[int, int, int]) -> str:
    strength = share**0.7  # so that 5 % can be told from nothing
    mixed = [round(255 + (channel - 255) * strength) for channel in rgb]
    return '#{:02x}{:02x}{:02x}'.format(*mixed)


def _short(count: int) -> str:
    """Return a count in four characters."""
    if count < 10_000:
        return str(count)
    return f'{count / 1000:.0f}k' if count < 1_000_000 else f'{count / 1e6:.0f}M'
