"""Answers to sentences, one tube each, as JSON lines: see docs/predictions.md."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stgr.io.checked_json import JsonNode
from stgr.io.predictions.json_lines import check_fields, frame_size_of, iterate_lines
from stgr.io.predictions.video_prediction import check_boxes

FIELDS = ('query', 'video', 'span', 'span_sec', 'frames', 'boxes', 'frame_size')


@dataclass(frozen=True)
class PredictedTube:
    """When and where a system sees what one sentence describes.

    Args:
        query_id: Number of the sentence; None: the only one of the video.
        video_id: The video; None: that of the query.
        span: Half-open, in frames; None: ``span_sec``.
        span_sec: Half-open, in seconds of the video; None: ``span``. Neither: no answer.
        frames: Numbers of the frames that have a box, (N,) int64, ascending.
        boxes_px: ``x1, y1, x2, y2``, (N, 4) float64.
        frame_size: Of the coordinates; None: the annotated frame.
        source: File and line.
    """

    query_id: str | None
    video_id: str | None
    span: tuple[float, float] | None
    span_sec: tuple[float, float] | None
    frames: np.ndarray
    boxes_px: np.ndarray
    frame_size: tuple[float, float] | None
    source: str


def read_query_tubes(path: Path) -> list[PredictedTube]:
    """Read the answers of a JSON-lines file, one line per sentence.

    Args:
        path: UTF-8 text; blank lines are skipped.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a line is broken, lacks a field, or has one that is not known or a value of
            a wrong kind; file and line are named.
    """
    if not path.exists():
        raise FileNotFoundError(f'{path}: no such file of predictions')
    if path.is_dir():
        raise ValueError(f'{path} is a folder; this protocol reads JSON lines, one per query')
    found = [_tube(line) for line in iterate_lines(path)]
    if not found:
        raise ValueError(f'{path}: no predictions in it')
    return found


def _tube(line: JsonNode) -> PredictedTube:
    check_fields(line, FIELDS)
    given = {name for name in FIELDS if line.value.get(name) is not None}
    if not given & {'query', 'video'}:
        raise ValueError(f'{line.where} neither query nor video says which sentence is answered')
    if {'span', 'span_sec'} <= given:
        raise ValueError(f'{line.where} span (frames) and span_sec (seconds) exclude each other')
    frames, boxes = _boxes(line) if given & {'frames', 'boxes'} else _NOTHING
    return PredictedTube(
        query_id=_name(line['query']) if 'query' in given else None,
        video_id=line['video'].text() if 'video' in given else None,
        span=_span(line['span']) if 'span' in given else None,
        span_sec=_span(line['span_sec']) if 'span_sec' in given else None,
        frames=frames,
        boxes_px=boxes,
        frame_size=frame_size_of(line),
        source=line.where.rstrip(':'),
    )


_NOTHING = np.zeros(0, np.int64), np.zeros((0, 4))


def _name(node: JsonNode) -> str:
    return node.value if isinstance(node.value, str) else str(node.integer())


def _span(node: JsonNode) -> tuple[float, float]:
    ends = node.array('float64')
    if len(ends) != 2 or ends[1] < ends[0]:
        raise ValueError(f'{node.where} must be start and end, start <= end, but is {node.value}')
    return float(ends[0]), float(ends[1])


def _boxes(line: JsonNode) -> tuple[np.ndarray, np.ndarray]:
    """Return the frames that have a box, in order, and the boxes."""
    frames = [frame.integer() for frame in line['frames'].items()]
    nodes = line['boxes'].items()
    if len(frames) != len(nodes):
        raise ValueError(f'{line.where} {len(nodes)} boxes for {len(frames)} frames')
    if len(set(frames)) < len(frames):
        twice = next(frame for frame in frames if frames.count(frame) > 1)
        raise ValueError(f'{line.where} frame {twice} comes twice')
    boxes = {}
    for frame, node in zip(frames, nodes, strict=True):
        if node.value is None:
            continue
        box = node.array('float64')
        if box.shape != (4,):
            raise ValueError(f'{node.where} must be 4 numbers, but got {len(box)}')
        try:
            check_boxes(box[None])
        except ValueError as error:
            raise ValueError(f'{node.where}: {error}') from error
        boxes[frame] = box
    if not boxes:
        return _NOTHING
    order = sorted(boxes)
    return np.array(order, np.int64), np.stack([boxes[frame] for frame in order])
