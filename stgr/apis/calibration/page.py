"""The scores of a calibration as lines of text and as a page with reliability diagrams."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from stgr.apis.tables import format_table
from stgr.calibration import Calibration
from stgr.visualization.evaluation_report import (
    Section,
    draw_facts,
    draw_figures,
    draw_note,
    draw_reliability,
    write_page,
)

TITLES = {
    'occurrence': 'Does it happen in the video?',
    'spans_queries': 'Is the span right? Queries judged alone',
    'spans_actions': "Is the span right? A video's own actions competing",
}
SYSTEMS = {
    'cosine': 'before: the cosine',
    'calibrated': 'calibrated',
    'permuted': 'another query asked',
    'constant': 'always the same',
}
SCORES = {
    'auroc': 'AUROC',
    'ap': 'average precision',
    'brier': 'Brier score',
    'log_loss': 'log loss',
    'ece': 'calibration error',
    'accuracy@threshold': "right, by the model's threshold",
    'accuracy@0.5': 'right, found from 0.5 on',
    'accuracy@min_score': 'right, found from min_score on',
    'found_of_happening@threshold': "found of what happens, model's threshold",
    'not_found_of_absent@threshold': "not found of what does not, model's threshold",
    'found_of_happening@min_score': 'found of what happens, min_score',
    'not_found_of_absent@min_score': 'not found of what does not, min_score',
}


def report_lines(scores: Mapping[str, Any]) -> Iterator[str]:
    """Yield a table per group of scores, with 95 % intervals over videos."""
    for group in (group for group in TITLES if group in scores):
        yield ''
        yield TITLES[group]
        yield format_table(*_rows(scores[group])).rstrip('\n')


def write_calibration_page(
    scores: Mapping[str, Any], calibration: Calibration, out_dir: str | os.PathLike[str]
) -> Path:
    """Write ``report.html``: tables and reliability diagrams, in one file that fetches nothing.

    Args:
        scores: Document of ``score_calibration``, with ``model`` and ``data``.
        calibration: What was scored.
        out_dir: A folder.

    Returns:
        The path of the page.
    """
    sections = [
        Section(TITLES[group], _intro(group, scores), _content(group, scores))
        for group in TITLES
        if group in scores
    ]
    facts = {**calibration.provenance, 'min_score': calibration.min_score}
    facts.pop('tried', None)
    sections.append(Section('How it was fitted', 'On validation videos alone.', draw_facts(facts)))
    return write_page(
        Path(out_dir) / 'report.html',
        title=f'Honest scores: {scores["model"]}',
        facts=f'{scores["videos"]} videos of {scores["data"]}, {scores["queries"]} queries',
        sections=sections,
    )


def _intro(group: str, scores: Mapping[str, Any]) -> str:
    if group == 'occurrence':
        return (
            f'{scores["questions"]} questions, {scores["happening"]} of things that happen; those '
            'and the others weigh half each. Bars: how often it came true among questions of like '
            'probability, bins of equal weight; dashed: as often as the probability says.'
        )
    return (
        'A span is right if its temporal IoU with a true one is at least 0.5. Bars and dashes as '
        'above.'
    )


def _content(group: str, scores: Mapping[str, Any]) -> str:
    figures = []
    for name, bins in scores['reliability'][group].items():
        picture = draw_reliability(
            *(np.asarray(bins[part]) for part in ('edges', 'counts', 'scores', 'accuracy')),
            label='probability',
            unit='questions' if group == 'occurrence' else 'spans',
        )
        figures.append((f'{SYSTEMS[name]}: {_cell(scores[group][name]["ece"])} error', picture))
    head, rows = _rows(scores[group])
    table = draw_note(f'95 % intervals: {scores["resamples"]} resamples of the videos.')
    return draw_figures(figures) + _markup(head, rows) + table


def _rows(group: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return heading and rows: a row per score, a column per system."""
    systems = [name for name in SYSTEMS if name in group]
    shown = [key for key in SCORES if any(key in group[name] for name in systems)]
    rows = [[SCORES[key], *(_cell(group[name].get(key)) for name in systems)] for key in shown]
    return ['score', *(SYSTEMS[name] for name in systems)], rows


def _cell(value: Mapping[str, float] | None) -> str:
    if value is None:
        return '-'
    return f'{value["estimate"]:.3f} [{value["low"]:.3f}, {value["high"]:.3f}]'


def _markup(head: list[str], rows: list[list[str]]) -> str:
    from html import escape

    top = ''.join(f'<th scope="col">{escape(text)}</th>' for text in head)
    body = ''.join(
        f'<tr><th scope="row">{escape(row[0])}</th>'
        + ''.join(f'<td>{escape(text)}</td>' for text in row[1:])
        + '</tr>'
        for row in rows
    )
    return (
        f'<div class="wide"><table class="scores"><thead><tr>{top}</tr></thead>'
        f'<tbody>{body}</tbody></table></div>'
    )
