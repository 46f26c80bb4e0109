"""What ``stgr evaluate`` prints and writes."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stgr.apis.tables import format_table
from stgr.io.atomic import write_atomically

# Counts that are printed only when they are not 0, with what they mean for the scores.
NOTICES = {
    'videos_missing': 'videos have no prediction: counted as background',
    'videos_dropped': 'predicted videos are not in the ground truth: ignored',
    'videos_of_guessed_length': 'videos have a guessed length (last annotated second and a pad)',
    'videos_of_other_frame_size': 'videos were scaled to the annotated frame',
    'seconds_dropped': 'predicted seconds lie after the end of their video: ignored',
    'seconds_of_foreign_class': 'seconds are predicted as a class of another video: counted wrong',
    'boxes_empty': 'true boxes have no area inside the frame: nothing can hit them',
}


def write_report(document: Mapping[str, Any], path: str | Path) -> None:
    """Write the document of ``evaluate`` as JSON, whole or not at all."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, (json.dumps(document, indent=1, allow_nan=False) + '\n').encode())


def report_text(document: Mapping[str, Any], *, everything: bool = False) -> str:
    """Return the scores for a terminal: the system, trivial predictors beside it, coverage.

    Args:
        document: Of ``evaluate``.
        everything: Whether every key of the system is listed too.
    """
    parts = [_scores(document), _legend(document), _coverage(document['coverage'])]
    for group, reason in document['not_scored'].items():
        parts.append(f'not scored: {group}: {reason}\n')
    if everything:
        rows = [
            [f'{group}/{key}', '-' if value is None else f'{value:.6g}']
            for group, scores in document['metrics'].items()
            for key, value in scores.items()
        ]
        parts.append('\n' + format_table(['score', 'value'], rows, 'text'))
    return ''.join(parts)


def cell(metrics: Mapping[str, Mapping[str, Any]], key: str) -> str:
    """Return the score ``group/key`` in per cent, '-' where it is undefined or not scored."""
    value = score_of(metrics, key)
    return '-' if value is None else f'{100 * value:.2f}'


def score_of(metrics: Mapping[str, Mapping[str, Any]], key: str) -> float | None:
    """Return the score ``group/key``, None where it is undefined or not scored."""
    group, _, name = key.rpartition('/')
    value = metrics.get(group, {}).get(name)
    return None if value is None else float(value)


def _scores(document: Mapping[str, Any]) -> str:
    columns = document['headline']
    systems = [(document['system'], document['metrics']), *document['controls'].items()]
    rows = [[name, *(cell(metrics, key) for key in columns)] for name, metrics in systems]
    title = f'{document["protocol"]} (per cent)'
    return format_table([title, *columns.values()], rows, 'text') + '\n'


def _legend(document: Mapping[str, Any]) -> str:
    rules = document['control_rules']
    lines = [f'{name}: {meaning}\n' for name, meaning in rules.items() if meaning]
    return ''.join(lines) + '\n'


def _coverage(coverage: Mapping[str, Any]) -> str:
    lines = [
        'coverage: {videos_predicted} of {videos_annotated} videos predicted, '
        '{videos_scored} scored; {seconds_predicted} of {seconds_annotated} seconds predicted; '
        '{boxes_annotated} boxes, {boxes_with_predicted_place} with a predicted place, '
        '{boxes_with_query_place} with a place of the true class'.format(**coverage)
    ]
    lines += [f'NOTE: {notice}' for notice in notices(coverage)]
    return '\n'.join(lines) + '\n'


def notices(coverage: Mapping[str, Any]) -> list[str]:
    """Return what of the coverage bears on the scores, a sentence each."""
    return [f'{coverage[key]} {text}' for key, text in NOTICES.items() if coverage[key]]
