"""Readers of the annotation files of GroundingYouTube: boxes, frame sizes, steps, segments."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stgr.io.checked_json import JsonNode, read_json
from stgr.structures import BACKGROUND_NAME


@dataclass(frozen=True, slots=True)
class BoxedSecond:
    """Where and what happens at one second of a video.

    Args:
        box_px: ``x1, y1, x2, y2`` in pixels of the evaluation frame, as released: 18 of the 17,316
            real boxes are empty and 2,111 reach below the frame; metrics count them as they are.
        step_name: Normalised name of the action.
    """

    box_px: tuple[float, float, float, float]
    step_name: str


@dataclass(frozen=True, slots=True)
class Segment:
    """A step of a video, first and last second both inside it.

    Args:
        first_sec: First annotated second.
        last_sec: Last annotated second; 41 of the 5,132 real segments have none after the first.
        step_name: Normalised name of the action.
    """

    first_sec: int
    last_sec: int
    step_name: str


def normalise_step_name(name: str) -> str:
    """Return a step name as all files should have spelt it.

    ``_`` becomes a blank, the released ``u00e9`` (an é whose backslash was lost) becomes é, the
    rest is Unicode NFC, and outer blanks go: 660 released names of boxes become 659.
    """
    return unicodedata.normalize('NFC', name.replace('_', ' ').replace('u00e9', 'é')).strip()


def read_boxes(
    path: Path, segments: Mapping[str, list[Segment]] | None = None
) -> dict[str, dict[int, BoxedSecond]]:
    """Read boxes by video and second, in the order of time.

    Args:
        path: One of the released schemas: ``{video_id: [{"second", "box", "step_name"}]}``
            (``box_anno.json``), ``{video_id: {"second": {"box", "step"}}}``
            (``GoundingYouTubeBox.json``) or ``{video_id: {"second": box}}`` without names
            (``id2xy_box*.json``).
        segments: Steps of each video, which name the boxes of the last schema, see ``step_at``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file does not follow a schema, a second has two boxes, or a box has no
            name and lies in no segment; the field is named.
    """
    document = read_json(path)
    steps = segments or {}
    return {
        video_id: _video_boxes(document[video_id], steps.get(video_id, []))
        for video_id in _keys(document)
    }


def step_at(segments: list[Segment], second: int) -> str | None:
    """Return the step at a second, None outside all of them.

    Where two steps share a second it is the later one: on the majority boxes, whose names are
    known, that is right for 17,217 of 17,316, and the earlier one for 17,183.
    """
    names = [step.step_name for step in segments if step.first_sec <= second <= step.last_sec]
    return names[-1] if names else None


def read_sizes(path: Path) -> dict[str, tuple[int, int]]:
    """Read ``{video_id: [W, H]}``: the size of the frame the boxes are measured in."""
    document = read_json(path)
    return {video_id: _size(document[video_id]) for video_id in _keys(document)}


def read_segments(path: Path) -> dict[str, list[Segment]]:
    """Read ``{video_id: [{"segment": [first, last], "sentence"}]}``: the steps of each video."""
    document = read_json(path)
    return {
        video_id: [_segment(node) for node in document[video_id].items()]
        for video_id in _keys(document)
    }


def read_pools(path: Path) -> dict[str, list[str]]:
    """Read ``{video_id: [step]}``: the actions asked for in each video, without background."""
    document = read_json(path)
    pools = {}
    for video_id in _keys(document):
        names = [normalise_step_name(node.text()) for node in document[video_id].items()]
        pools[video_id] = sorted({name for name in names if name != BACKGROUND_NAME})
    return pools


def _keys(node: JsonNode) -> list[str]:
    if not isinstance(node.value, dict):
        raise ValueError(f'{node.where} must be an object, but is a {type(node.value).__name__}')
    return list(node.value)


def _video_boxes(node: JsonNode, segments: list[Segment]) -> dict[int, BoxedSecond]:
    boxes: dict[int, BoxedSecond] = {}
    for second, entry in _seconds(node):
        if second < 0:
            raise ValueError(f'{entry.where} is at second {second}; the clock starts at 0')
        if second in boxes:
            raise ValueError(f'{entry.where} is a second box for second {second}')
        if isinstance(entry.value, list):
            box, name = entry, _step_of(entry, segments, second)
        else:
            box = entry['box']
            name = entry['step_name' if 'step_name' in entry.value else 'step'].text()
        boxes[second] = BoxedSecond(_corners(box), normalise_step_name(name))
    return dict(sorted(boxes.items()))


def _corners(node: JsonNode) -> tuple[float, float, float, float]:
    box = node.array('float64')
    if box.shape != (4,) or not np.isfinite(box).all():
        raise ValueError(f'{node.where} needs 4 finite numbers, but got {box.tolist()}')
    x1, y1, x2, y2 = box.tolist()
    return x1, y1, x2, y2


def _step_of(node: JsonNode, segments: list[Segment], second: int) -> str:
    name = step_at(segments, second)
    if name is None:
        raise ValueError(
            f'{node.where} has no step name, and none of the {len(segments)} segments of this '
            'video holds that second; give the segments file that the boxes belong to (seg.json)'
        )
    return name


def _seconds(node: JsonNode) -> list[tuple[int, JsonNode]]:
    """Return seconds and entries of either schema."""
    if isinstance(node.value, list):
        return [(entry['second'].integer(), entry) for entry in node.items()]
    entries = []
    for key in _keys(node):
        if not key.isdecimal():
            raise ValueError(f'{node.where}.{key}: a second must be a whole number')
        entries.append((int(key), node[key]))
    return entries


def _size(node: JsonNode) -> tuple[int, int]:
    sides = [side.integer() for side in node.items()]
    if len(sides) != 2 or min(sides) < 1:
        raise ValueError(f'{node.where} must be a width and a height > 0, but is {sides}')
    return sides[0], sides[1]


def _segment(node: JsonNode) -> Segment:
    ends = [end.integer() for end in node['segment'].items()]
    if len(ends) != 2 or min(ends) < 0:
        raise ValueError(f'{node.where}.segment must be two seconds >= 0, but is {ends}')
    return Segment(ends[0], ends[1], normalise_step_name(node['sentence'].text()))
