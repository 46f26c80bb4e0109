"""FiftyOne's ``FiftyOneVideoLabelsDataset``: a folder with labels in ETA's ``VideoLabels`` format.

A span is an event with its ``support`` in frames, a box an object of a frame with the number of its
event as ``index``; frames count from 1 and a support includes its last frame. Boxes are shares of
the frame, probabilities attributes of events. Queries that were not found are attributes of the
video called ``not found``.

Source: the developer's guide of ETA's ``VideoLabels`` and FiftyOne's reader of it
(``fiftyone.utils.eta.from_video_labels``).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stgr.io.checked_json import JsonNode, read_json
from stgr.io.formats.framed_spans import FramedSpan, frame_span, span_of_frames
from stgr.io.formats.gathering import Box, Gathered, located
from stgr.io.formats.json_facts import (
    PROBABILITY,
    facts_to_json,
    gathered_from_json,
    json_bytes,
    optional,
    optional_number,
)
from stgr.io.formats.known_videos import KnownVideos
from stgr.structures.video_answers import VideoAnswers

MANIFEST = 'manifest.json'
NOT_FOUND = 'not found'
_TYPES = 'eta.core'


def write(videos: Sequence[VideoAnswers], known: KnownVideos) -> dict[str, bytes]:
    """Return the files of the folder; the videos themselves are named in it, not copied.

    Raises:
        ValueError: If size, rate or length of a video is not known.
    """
    index = [
        {'data': str(Path(answers.video).absolute()), 'labels': f'labels/{answers.video_id}.json'}
        for answers in videos
    ]
    manifest = {
        'type': f'{_TYPES}.datasets.LabeledVideoDataset',
        'description': 'spatio-temporal grounding',
        'index': index,
    }
    labels = {
        f'labels/{answers.video_id}.json': json_bytes(_labels(answers, known)) for answers in videos
    }
    return {MANIFEST: json_bytes(manifest), **labels}


def _labels(answers: VideoAnswers, known: KnownVideos) -> dict[str, Any]:
    clock = known.clock(answers)
    events: list[dict[str, Any]] = []
    frames: dict[int, list[dict[str, Any]]] = {}
    for answer in answers.queries:
        for span in answer.spans:
            framed = frame_span(span, clock)
            number = len(events) + 1
            events.append(
                {
                    'type': f'{_TYPES}.events.VideoEvent',
                    'label': answer.query,
                    **_confidence(framed),
                    'index': number,
                    'support': {'ranges': f'{framed.first + 1}-{framed.stop}'},
                    **_probability(framed),
                }
            )
            for frame, box in framed.boxes.items():
                thing = _object(answer.query, number, frame, box, answers)
                frames.setdefault(frame + 1, []).append({**thing, **_confidence(framed)})
    absent = [_attribute('Categorical', NOT_FOUND, query) for query in answers.not_found]
    return {
        'filename': answers.video.replace('\\', '/').rsplit('/', 1)[-1],
        'attrs': _attributes(absent),
        'events': {'type': f'{_TYPES}.events.VideoEventContainer', 'events': events},
        'frames': {str(frame): _frame(frame, frames[frame]) for frame in sorted(frames)},
        'stgr': facts_to_json(answers),
    }


def _confidence(framed: FramedSpan) -> dict[str, float]:
    return {} if framed.score is None else {'confidence': framed.score}


def _probability(framed: FramedSpan) -> dict[str, Any]:
    if framed.probability is None:
        return {}
    return {'attrs': _attributes([_attribute('Numeric', PROBABILITY, framed.probability)])}


def _attributes(attributes: list[dict[str, Any]]) -> dict[str, Any]:
    return {'type': f'{_TYPES}.data.AttributeContainer', 'attrs': attributes}


def _attribute(kind: str, name: str, value: str | float) -> dict[str, Any]:
    return {'type': f'{_TYPES}.data.{kind}Attribute', 'name': name, 'value': value}


def _frame(frame: int, objects: list[dict[str, Any]]) -> dict[str, Any]:
    kind = f'{_TYPES}.objects.DetectedObjectContainer'
    return {'frame_number': frame, 'objects': {'type': kind, 'objects': objects}}


def _object(query: str, number: int, frame: int, box: Box, answers: VideoAnswers) -> dict[str, Any]:
    if answers.width is None or answers.height is None:
        raise ValueError(f'{answers.video}: its size is not known; give the video with --video')
    x1, y1, x2, y2 = box
    corners = {
        'top_left': {'x': x1 / answers.width, 'y': y1 / answers.height},
        'bottom_right': {'x': x2 / answers.width, 'y': y2 / answers.height},
    }
    return {
        'type': f'{_TYPES}.objects.DetectedObject',
        'label': query,
        'bounding_box': corners,
        'index': number,
        'frame_number': frame + 1,
    }


def read(path: Path, known: KnownVideos) -> list[VideoAnswers]:
    """Read a folder, or the ``manifest.json`` in it.

    Raises:
        ValueError: If a field is missing or of another type, or a labels file is outside.
    """
    manifest = path / MANIFEST if path.is_dir() else path
    found = []
    for entry in read_json(manifest)['index'].items():
        file = manifest.parent / entry['labels'].text()
        if not file.resolve().is_relative_to(manifest.parent.resolve()):
            raise ValueError(f'{entry.where}.labels: {file} is outside of the folder')
        found.append(_read_labels(read_json(file), entry['data'].text(), known))
    return found


def _read_labels(document: JsonNode, video: str, known: KnownVideos) -> VideoAnswers:
    ours = optional(document, 'stgr')
    gathered = Gathered(VideoAnswers(video, ())) if ours is None else gathered_from_json(ours)
    facts = known.complete(gathered.facts)
    clock = known.clock(facts)
    boxes = _boxes(document, facts)
    for event in document['events']['events'].items():
        with located(event.where):
            first, stop = _support(event)
            key = _owner(event)
            inside = {f: b for f, b in boxes.get(key, {}).items() if first <= f < stop}
            score = optional_number(event, 'confidence')
            told = [value.number() for value in _read_attributes(event).get(PROBABILITY, [])]
            framed = FramedSpan(first, stop, inside, score, *told[:1])
            gathered.add(key[1], span_of_frames(framed, clock))
    for value in _read_attributes(document).get(NOT_FOUND, []):
        gathered.ask(value.text())
    return known.complete(gathered.answers())


def _read_attributes(owner: JsonNode) -> dict[str, list[JsonNode]]:
    """Return the values of each attribute of a video or an event, by name."""
    attributes = optional(owner, 'attrs')
    found: dict[str, list[JsonNode]] = {}
    for attribute in [] if attributes is None else attributes['attrs'].items():
        found.setdefault(attribute['name'].text(), []).append(attribute['value'])
    return found


def _boxes(document: JsonNode, facts: VideoAnswers) -> dict[tuple[int | None, str], dict[int, Box]]:
    """Return the box of each event, known by index and label, in each frame counted from 0."""
    frames = optional(document, 'frames')
    found: dict[tuple[int | None, str], dict[int, Box]] = {}
    for key in [] if frames is None else frames.names():
        if facts.width is None or facts.height is None:
            raise ValueError(f'{facts.video}: its size is not known; give the video with --video')
        if not key.isdecimal():
            raise ValueError(f'{document["frames"].where}: {key!r} is no number of a frame')
        for thing in document['frames'][key]['objects']['objects'].items():
            box = thing['bounding_box']
            x1, y1 = (box['top_left'][axis].number() for axis in 'xy')
            x2, y2 = (box['bottom_right'][axis].number() for axis in 'xy')
            sides = (x1 * facts.width, y1 * facts.height, x2 * facts.width, y2 * facts.height)
            found.setdefault(_owner(thing), {})[int(key) - 1] = sides
    return found


def _owner(node: JsonNode) -> tuple[int | None, str]:
    """Return number and label of an event or object; objects of an event have the same."""
    index = optional(node, 'index')
    return None if index is None else index.integer(), node['label'].text()


def _support(event: JsonNode) -> tuple[int, int]:
    """Return the frames of an event, from 0, half-open."""
    text = event['support']['ranges'].text()
    ends = text.replace(',', '-').replace(' ', '').split('-')
    if not all(end.isdecimal() for end in ends):
        raise ValueError(f'support must be frames such as 3-9, but is {text!r}')
    return int(ends[0]) - 1, int(ends[-1])
