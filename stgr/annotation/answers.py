"""One annotator's answers to the frames of one video, and the file that holds them.

The file is the history: every answer in the order given, the last one of a frame counting. So undo
takes the last line away, also after a restart, and nothing is ever overwritten.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from stgr.annotation.presence import STATUSES
from stgr.annotation.work import WorkVideo
from stgr.io.atomic import write_atomically
from stgr.io.checked_json import JsonNode, read_json

CLICKS_FORMAT = 'stgr-clicks/1'
CLICKS_DIR = 'clicks'
_NAME = re.compile(r'[A-Za-z0-9][A-Za-z0-9_-]{0,39}')


@dataclass(frozen=True, slots=True)
class Answer:
    """What an annotator says about one frame.

    Args:
        step: Position of the step in its video.
        second: The frame.
        status: ``open`` (taken back), ``point``, ``cannot_solve`` or ``corrupt``.
        point_px: ``x, y`` in pixels of the frame shown; None unless the status is ``point``.
    """

    step: int
    second: int
    status: str
    point_px: tuple[float, float] | None = None


def check_annotator(name: str) -> str:
    """Return an annotator's name, which becomes a folder.

    Raises:
        ValueError: If it is not 1 to 40 letters, digits, ``-`` and ``_``.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(
            f'annotator {name[:60]!r} must be 1 to 40 letters, digits, - or _, not - or _ first'
        )
    return name


def check_answer(answer: Answer, video: WorkVideo) -> Answer:
    """Return an answer that fits its video.

    Raises:
        ValueError: If the step, the frame, the status or the point does not exist.
    """
    if not 0 <= answer.step < len(video.steps):
        raise ValueError(f'step {answer.step} is none of the {len(video.steps)} of the video')
    step = video.steps[answer.step]
    if not step.first_sec <= answer.second <= step.last_sec:
        raise ValueError(
            f'second {answer.second} lies outside {step.first_sec}-{step.last_sec} of {step.name!r}'
        )
    if answer.status not in STATUSES:
        raise ValueError(f'status {answer.status!r} must be one of {", ".join(STATUSES)}')
    if (answer.point_px is not None) != (answer.status == 'point'):
        raise ValueError(f'x and y belong to status "point", not to {answer.status!r}')
    if answer.point_px is not None:
        x, y = answer.point_px
        width, height = video.frame_size
        if not (0 <= x <= width and 0 <= y <= height):
            raise ValueError(f'the point ({x}, {y}) lies outside the frame of {width}x{height}')
    return answer


def answers_path(folder: Path, annotator: str, video_id: str) -> Path:
    """Return the file of one annotator's answers to one video."""
    return folder / CLICKS_DIR / check_annotator(annotator) / f'{video_id}.json'


def annotators(folder: Path) -> list[str]:
    """Return the names of those who have answered, sorted."""
    places = sorted((folder / CLICKS_DIR).glob('*/'))
    return [place.name for place in places if _NAME.fullmatch(place.name)]


def read_history(folder: Path, annotator: str, video: WorkVideo) -> list[Answer]:
    """Return every answer in the order given; empty if there is none yet.

    Raises:
        ValueError: If the file is malformed or speaks of other frames; the field is named.
    """
    path = answers_path(folder, annotator, video.video_id)
    if not path.is_file():
        return []
    document = read_json(path)
    if document['format'].text() != CLICKS_FORMAT:
        raise ValueError(f'{path}: expected format {CLICKS_FORMAT!r}')
    return [_answer(node, video) for node in document['answers'].items()]


def write_history(folder: Path, annotator: str, video: WorkVideo, history: list[Answer]) -> Path:
    """Write every answer in the order given, whole or not at all; return the file."""
    path = answers_path(folder, annotator, video.video_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    head = {
        'format': CLICKS_FORMAT,
        'annotator': annotator,
        'video_id': video.video_id,
        'frame_size': list(video.frame_size),
    }
    lines = ',\n'.join('  ' + json.dumps(_record(answer, video)) for answer in history)
    text = json.dumps(head)[:-1] + f', "answers": [\n{lines}\n]}}\n'
    return write_atomically(path, text.encode())


def current_answers(history: list[Answer]) -> dict[tuple[int, int], Answer]:
    """Return the last answer to each frame by step and second, without those taken back."""
    last = {(answer.step, answer.second): answer for answer in history}
    return {frame: answer for frame, answer in last.items() if answer.status != 'open'}


def _record(answer: Answer, video: WorkVideo) -> dict[str, object]:
    record: dict[str, object] = {
        'step': answer.step,
        'name': video.steps[answer.step].name,
        'second': answer.second,
        'status': answer.status,
    }
    if answer.point_px is not None:
        record['x'], record['y'] = answer.point_px
    return record


def _answer(node: JsonNode, video: WorkVideo) -> Answer:
    status = node['status'].text()
    point = (node['x'].number(), node['y'].number()) if status == 'point' else None
    answer = Answer(node['step'].integer(), node['second'].integer(), status, point)
    try:
        checked = check_answer(answer, video)
    except ValueError as error:
        raise ValueError(f'{node.where}: {error}') from error
    name = video.steps[answer.step].name
    if node['name'].text() != name:
        raise ValueError(f'{node.where}.name is {node["name"].text()!r}, but the step is {name!r}')
    return checked
