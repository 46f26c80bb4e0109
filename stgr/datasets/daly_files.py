"""Reader of the annotations of DALY: when ten daily actions happen, and where on key frames."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stgr.datasets.pickled_annotations import read_pickled
from stgr.datasets.region_boxes import read_box_rows
from stgr.io.checked_json import JsonNode

# Boxes are shares of the frame; a little more than 1 is a box drawn over its edge.
LARGEST_SHARE = 2.0


@dataclass(frozen=True)
class Keyframe:
    """An annotated frame of an action.

    Args:
        frame_idx: Its number in the video, as the file counts.
        time_sec: When it is shown.
        human: Box of the person who acts, (1, 4), as shares of width and height.
        objects: Boxes of the objects used, (N, 4), likewise.
    """

    frame_idx: int
    time_sec: float
    human: np.ndarray
    objects: np.ndarray


@dataclass(frozen=True)
class Instance:
    """An action that happens once: half-open time in seconds, and its annotated frames."""

    begin_sec: float
    end_sec: float
    keyframes: tuple[Keyframe, ...]


@dataclass(frozen=True)
class DalyVideo:
    """A video: its duration in seconds (None if the file does not say) and what happens in it."""

    duration_sec: float | None
    actions: dict[str, list[Instance]]


@dataclass(frozen=True)
class DalyAnnotations:
    """All of the file: names of the actions, the test videos, and every video."""

    labels: list[str]
    test_ids: frozenset[str]
    videos: dict[str, DalyVideo]


def read_daly(path: Path) -> DalyAnnotations:
    """Read ``daly1.1.0.pkl``.

    Args:
        path: Pickle of Python 2 with ``labels``, ``splits`` (the first lists the test videos),
            ``metadata`` and ``annot``: ``{video.mp4: {annot: {action: [{beginTime, endTime,
            keyframes: [{frameNumber, time, boundingBox, objects}]}]}}}``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it does not follow the format; the field is named.
    """
    document = read_pickled(path)
    labels = [label.text() for label in document['labels'].items()]
    test = document['splits'].items()
    if not test:
        raise ValueError(f'{document.where} splits lists no test videos')
    annotations, metadata = document['annot'], document['metadata']
    if not isinstance(annotations.value, dict):
        raise ValueError(f'{annotations.where} must be a dict of videos')
    return DalyAnnotations(
        labels=labels,
        test_ids=frozenset(_video_id(name.text()) for name in test[0].items()),
        videos={
            _video_id(name): DalyVideo(
                _duration_sec(metadata, name), _actions(annotations[name]['annot'], labels)
            )
            for name in annotations.value
        },
    )


def _video_id(file_name: str) -> str:
    return file_name.removesuffix('.mp4')


def _duration_sec(metadata: JsonNode, name: str) -> float | None:
    facts = metadata.value.get(name) if isinstance(metadata.value, dict) else None
    if not isinstance(facts, dict) or facts.get('duration') is None:
        return None
    return metadata[name]['duration'].number()


def _actions(node: JsonNode, labels: list[str]) -> dict[str, list[Instance]]:
    if not isinstance(node.value, dict):
        raise ValueError(f'{node.where} must be a dict of actions')
    unknown = [label for label in node.value if label not in labels]
    if unknown:
        raise ValueError(f'{node.where} has the action {unknown[0]!r}, which is none of {labels}')
    return {label: [_instance(entry) for entry in node[label].items()] for label in node.value}


def _instance(node: JsonNode) -> Instance:
    begin_sec, end_sec = node['beginTime'].number(), node['endTime'].number()
    if not 0 <= begin_sec <= end_sec:
        raise ValueError(f'{node.where}: an action from {begin_sec} to {end_sec} s is none')
    keyframes = tuple(_keyframe(entry) for entry in node['keyframes'].items())
    return Instance(begin_sec, end_sec, keyframes)


def _keyframe(node: JsonNode) -> Keyframe:
    human = read_box_rows(node['boundingBox'])
    objects = read_box_rows(node['objects']) if 'objects' in node.value else np.zeros((0, 4))
    largest = max([0.0, *np.abs(human).ravel(), *np.abs(objects).ravel()])
    if len(human) != 1 or largest > LARGEST_SHARE:
        raise ValueError(
            f'{node.where}.boundingBox must be one box in shares of the frame (0 to 1), and so '
            f'must the boxes of objects; got {human.tolist()} and {objects.tolist()}'
        )
    frame_idx = node['frameNumber'].number()
    return Keyframe(int(frame_idx), node['time'].number(), human, objects)
