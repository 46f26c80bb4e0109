"""Small pieces of markup that the parts of the page share."""

import math
from collections.abc import Mapping, Sequence
from html import escape

from stgr.visualization.common import one_line

NOTHING = '–'
LONGEST_NAME = 80


def clean(text: str, limit: int = LONGEST_NAME) -> str:
    """Return a text of a file as markup: on one line, cut to ``limit`` characters, escaped."""
    return escape(one_line(text, limit))


def format_share(value: float, digits: int = 1) -> str:
    """Return a fraction in per cent, a dash if it is undefined."""
    return f'{100 * value:.{digits}f}' if math.isfinite(value) else NOTHING


def compact(value: float) -> str:
    """Return a coordinate with at most two decimals and no idle zeros."""
    return f'{value:.2f}'.rstrip('0').rstrip('.') if value else '0'


def hex_colour(rgb: tuple[int, int, int]) -> str:
    """Return a colour as CSS writes it."""
    return '#{:02x}{:02x}{:02x}'.format(*rgb)


def draw_note(text: str) -> str:
    """Return a paragraph that explains, or that says why there is no picture."""
    return f'<p class="note">{escape(text)}</p>'


def draw_facts(facts: Mapping[str, object]) -> str:
    """Return names and values as a small table."""
    rows = ''.join(
        f'<tr><th scope="row">{clean(str(name))}</th><td>{clean(str(value), 400)}</td></tr>'
        for name, value in facts.items()
    )
    return f'<table class="facts"><tbody>{rows}</tbody></table>'


def draw_figures(figures: Sequence[tuple[str, str]], *, kind: str = 'figures') -> str:
    """Return pictures side by side, each over its caption.

    Args:
        figures: Caption (a text) and picture (markup).
        kind: CSS class of the row: ``figures`` or ``small-figures``.
    """
    parts = ''.join(
        f'<figure><figcaption>{escape(caption)}</figcaption>{picture}</figure>'
        for caption, picture in figures
    )
    return f'<div class="{kind}">{parts}</div>'


def draw_folded(summary: str, content: str) -> str:
    """Return content that is shown when its summary, a text, is pressed."""
    return f'<details><summary>{escape(summary)}</summary>{content}</details>'


def draw_legend(names: Sequence[tuple[str, str]]) -> str:
    """Return swatches with names, given as (colour, text)."""
    items = ''.join(
        f'<li><i style="background:{colour}"></i>{clean(name)}</li>' for colour, name in names
    )
    return f'<ul class="legend">{items}</ul>'
