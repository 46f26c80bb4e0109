"""Answers as lines for a terminal and as JSON; ``docs/library_search.md`` documents the fields."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stgr.apis.tables import format_table
from stgr.io.atomic import write_atomically
from stgr.io.checked_json import check_finite, format_json
from stgr.search.answers import Moment, Place, SearchAnswer
from stgr.search.manifest import Manifest
from stgr.structures import ModelFacts
from stgr.visualization.common import format_clock, one_line

SCHEMA_VERSION = 1
_HEADS = ('#', 'when', 'score', 'where', 'video')


def answer_lines(answer: SearchAnswer) -> list[str]:
    """Return an answer for a terminal: a line that says whether it was found, and a table."""
    name = f'"{one_line(answer.query, 60)}"'
    if not answer.found:
        first = (
            f'{name}: not found (best similarity {answer.best_score:.3f}, '
            f'threshold {answer.threshold:.3f}{"" if answer.moments else "; --all shows the best"})'
        )
    else:
        found = sum(moment.found for moment in answer.moments)
        first = f'{name}: {found} {"moment" if found == 1 else "moments"}'
    if not answer.moments:
        return [first]
    rows = [_row(i, moment) for i, moment in enumerate(answer.moments, 1)]
    notes = [f'{m.video}: {m.note}' for m in answer.moments if m.note]
    return [first, *format_table(_HEADS, rows, 'text').splitlines(), *dict.fromkeys(notes)]


def write_answers(
    path: Path, answers: Sequence[SearchAnswer], manifest: Manifest, facts: ModelFacts
) -> Path:
    """Write answers as JSON, whole or not at all.

    Args:
        path: The file.
        answers: What was found.
        manifest: Where.
        facts: By which model.
    """
    document = {
        'schema_version': SCHEMA_VERSION,
        'library': {
            'root': manifest.root,
            'videos': len(manifest.videos),
            'frames': manifest.num_frames,
            'rate_fps': manifest.rate_fps,
            'kind': manifest.kind,
            'recall': manifest.recall,
            'recall_at': manifest.recall_at,
        },
        'model': {
            'name': facts.name,
            'weights_sha256': facts.weights_sha256,
            'notice': facts.notice,
            'config_sha256': facts.config_sha256,
        },
        'queries': [_answer(answer) for answer in answers],
    }
    check_finite(document, 'answers')
    return write_atomically(path, (format_json(document) + '\n').encode('ascii'))


def where(place: Place | None) -> str:
    """Return a place as people read it: a box, or a point where there is no box."""
    if place is None:
        return '-'
    if place.box_px is not None:
        x1, y1, x2, y2 = (round(value) for value in place.box_px)
        return f'{x1},{y1} - {x2},{y2}'
    return 'at {:.0f},{:.0f}'.format(*place.point_px)


def _row(number: int, moment: Moment) -> list[str]:
    when = f'{format_clock(moment.start_sec)} - {format_clock(moment.end_sec)}'
    score = f'{moment.score:.3f}{"" if moment.found else " (below)"}'
    return [str(number), when, score, where(moment.place), one_line(moment.video, 100)]


def _answer(answer: SearchAnswer) -> dict[str, Any]:
    return {
        'query': answer.query,
        'found': answer.found,
        'threshold': answer.threshold,
        'best_score': answer.best_score,
        'moments': [_moment(moment) for moment in answer.moments],
    }


def _moment(moment: Moment) -> dict[str, Any]:
    return {
        'video': moment.video,
        'start_sec': moment.start_sec,
        'end_sec': moment.end_sec,
        'peak_sec': moment.peak_sec,
        'score': moment.score,
        'found': moment.found,
        'place': None if moment.place is None else _place(moment.place),
        'note': moment.note,
    }


def _place(place: Place) -> dict[str, Any]:
    return {
        'time_sec': place.time_sec,
        'box_px': None if place.box_px is None else list(place.box_px),
        'point_px': list(place.point_px),
        'frame_size': list(place.frame_size),
    }
