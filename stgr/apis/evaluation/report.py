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
    'videos_in_upper_left': 'videos have all places in the upper left of their frame; if they are '
    'pixels of a smaller frame, say its frame_size',
    'seconds_dropped': 'predicted seconds lie after the end of their video: ignored',
    'seconds_of_foreign_class': 'seconds are predicted as a class of another video: counted wrong',
    'boxes_empty': 'true boxes have no area inside the frame: nothing can hit them',
    'videos_placed_by_label': 'videos say where they see the action they predict: it counts where '
    'that is the action asked for',
    'frames_without_box': 'annotated frames have no box: not scored',
    'clips_without_own_box': 'listed clips have no box of their own action: not scored',
    'clips_of_other_length': 'listed clips are too short or too long: not scored',
    'videos_with_added_background': 'videos have no score of background: a constant stands in',
    'queries_missing': 'queries have no answer: counted as wrong',
    'queries_dropped': 'answered queries are not in the ground truth: ignored',
    'queries_without_box': 'queries have no true box: nothing can overlap it',
    'queries_between_samples': 'true tubes lie between two sampled frames: seen in their middle',
    'queries_of_other_frame_size': 'queries were scaled to the annotated frame',
    'frames_outside_clip': 'predicted boxes lie outside their clip: ignored',
    'spans_outside_clip': 'predicted spans lie wholly outside their clip',
    'texts_missing': 'texts have no similarities: they rank last',
    'texts_dropped': 'texts of the matrix are not in the ground truth: ignored',
}
# What was there of each thing that a protocol counts, if it counts it.
SENTENCES = {
    'videos_annotated': '{videos_predicted} of {videos_annotated} videos predicted, '
    '{videos_scored} scored',
    'queries_annotated': '{queries_predicted} of {queries_annotated} queries answered, '
    '{queries_annotated} scored; {frames_predicted} of {frames_annotated} frames have a box',
    'texts_annotated': '{texts_predicted} of {texts_annotated} texts and {videos_annotated} videos '
    'compared',
    'clips_listed': '{clips_scored} of {clips_listed} clips scored',
    'seconds_annotated': '{seconds_predicted} of {seconds_annotated} seconds predicted',
    'boxes_annotated': '{boxes_annotated} boxes, {boxes_with_predicted_place} with a predicted '
    'place, {boxes_with_query_place} with a place of the true class',
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
    """Return the score ``group/key``, '-' where it is undefined or not scored, see ``scaled``."""
    value = score_of(metrics, key)
    return '-' if value is None else f'{scaled(value, key):.2f}'


def scaled(value: float, key: str) -> float:
    """Return a fraction in per cent, a rank or a count (of key ``..._rank``, ``num_...``) as is."""
    name = key.rpartition('/')[2]
    return value if name.endswith('_rank') or name.startswith('num_') else 100 * value


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
    said = [text.format(**coverage) for key, text in SENTENCES.items() if coverage.get(key)]
    lines = [f'coverage: {"; ".join(said)}']
    lines += [f'NOTE: {notice}' for notice in notices(coverage)]
    return '\n'.join(lines) + '\n'


def notices(coverage: Mapping[str, Any]) -> list[str]:
    """Return what of the coverage bears on the scores, a sentence each."""
    return [f'{coverage[key]} {text}' for key, text in NOTICES.items() if coverage.get(key)]
