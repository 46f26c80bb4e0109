"""A table as text: Markdown, CSV, LaTeX, or columns for a terminal."""

import csv
import io
from collections.abc import Callable, Sequence

_LATEX = {
    '\\': r'\textbackslash{}', '&': r'\&', '%': r'\%', '$': r'\$', '#': r'\#', '_': r'\_',
    '{': r'\{', '}': r'\}', '~': r'\textasciitilde{}', '^': r'\textasciicircum{}', '±': r'$\pm$',
    '<': r'$<$', '>': r'$>$',
}  # fmt: skip
Rows = Sequence[Sequence[str]]


def format_table(heads: Sequence[str], rows: Rows, style: str = 'markdown') -> str:
    """Return a table as text that ends with a line break.

    Args:
        heads: One per column.
        rows: Cells, each row as long as ``heads``.
        style: ``'markdown'``, ``'csv'``, ``'latex'`` (booktabs) or ``'text'`` (aligned columns).

    Raises:
        ValueError: If the style is unknown or a row has another length.
    """
    if style not in STYLES:
        raise ValueError(f'table format must be one of {sorted(STYLES)}, but got {style!r}')
    for row in rows:
        if len(row) != len(heads):
            raise ValueError(f'a row has {len(row)} cells for {len(heads)} columns')
    return STYLES[style](heads, rows)


def _markdown(heads: Sequence[str], rows: Rows) -> str:
    def line(cells: Sequence[str]) -> str:
        return '| ' + ' | '.join(cell.replace('|', r'\|') for cell in cells) + ' |\n'

    return line(heads) + line(['---'] * len(heads)) + ''.join(line(row) for row in rows)


def _csv(heads: Sequence[str], rows: Rows) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([heads, *rows])
    return text.getvalue()


def _latex(heads: Sequence[str], rows: Rows) -> str:
    def line(cells: Sequence[str]) -> str:
        escaped = [''.join(_LATEX.get(c, c) for c in cell) for cell in cells]
        return '  ' + ' & '.join(escaped) + r' \\' + '\n'

    columns = 'l' + 'r' * (len(heads) - 1)
    body = line(heads) + '  \\midrule\n' + ''.join(line(row) for row in rows)
    return f'\\begin{{tabular}}{{{columns}}}\n  \\toprule\n{body}  \\bottomrule\n\\end{{tabular}}\n'


def _text(heads: Sequence[str], rows: Rows) -> str:
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        first = cells[0].ljust(widths[0])
        rest = [cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True)]
        return '  '.join([first, *rest]).rstrip() + '\n'

    return line(heads) + ''.join(line(row) for row in rows)


STYLES: dict[str, Callable[[Sequence[str], Rows], str]] = {
    'markdown': _markdown,
    'csv': _csv,
    'latex': _latex,
    'text': _text,
}
