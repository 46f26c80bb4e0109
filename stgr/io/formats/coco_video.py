"""COCO for videos as TAO and MMTracking read it: images of a video, boxes with a track each.

A track is a span; ``start_sec``, ``end_sec`` and ``probability`` of it, ``time_sec`` of an image
and ``queries`` of a video are ours, other readers ignore them. Only frames that were looked at are
images; ``frame_id`` counts the frames of the video from 0; ``bbox`` is ``x, y, width, height`` in
pixels.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stgr.io.checked_json import JsonNode, read_json
from stgr.io.formats.gathering import Box, Gathered, located, span_with_boxes
from stgr.io.formats.json_facts import (
    PROBABILITY,
    facts_to_json,
    gathered_from_json,
    json_bytes,
    optional,
    optional_number,
    probability_to_json,
    video_facts,
)
from stgr.io.formats.known_videos import KnownVideos
from stgr.structures.video_answers import QuerySpan, VideoAnswers


def write(videos: Sequence[VideoAnswers], known: KnownVideos) -> bytes:
    """Return the file; its categories are all queries of all videos, in the order asked."""
    names = dict.fromkeys(answer.query for answers in videos for answer in answers.queries)
    document: dict[str, Any] = {
        'info': {'description': 'spatio-temporal grounding', 'version': '1'},
        'videos': [],
        'tracks': [],
        'images': [],
        'annotations': [],
        'categories': [{'id': i, 'name': name} for i, name in enumerate(names, 1)],
    }
    category_ids = {name: i for i, name in enumerate(names, 1)}
    for video_id, answers in enumerate(videos, 1):
        _add_video(document, video_id, answers, known, category_ids)
    return json_bytes(document)


def _add_video(
    document: dict[str, Any],
    video_id: int,
    answers: VideoAnswers,
    known: KnownVideos,
    category_ids: dict[str, int],
) -> None:
    facts = facts_to_json(answers)
    document['videos'].append({'id': video_id, 'name': answers.video_id, **facts})
    image_ids: dict[float, int] = {}
    for answer in answers.queries:
        for span in answer.spans:
            ids = {'video_id': video_id, 'category_id': category_ids[answer.query]}
            track = {'id': len(document['tracks']) + 1, **ids}
            ends = {'start_sec': span.start_sec, 'end_sec': span.end_sec, 'score': span.score}
            ends |= probability_to_json(span.probability)
            document['tracks'].append({**track, **ends})
            boxes = _visible_boxes(span)
            for time in [time for time, _ in boxes if time not in image_ids]:
                image_ids[time] = len(document['images']) + 1
                image = _image(image_ids[time], video_id, answers, known, time)
                document['images'].append(image)
            for time, box in boxes:
                number = len(document['annotations']) + 1
                annotation = _annotation(number, image_ids[time], track, box, span)
                document['annotations'].append(annotation)


def _visible_boxes(span: QuerySpan) -> list[tuple[float, list[float]]]:
    places = zip(span.times_sec.tolist(), span.boxes_px.tolist(), span.visible, strict=True)
    return [(time, box) for time, box, seen in places if seen]


def _image(
    image_id: int, video_id: int, answers: VideoAnswers, known: KnownVideos, time: float
) -> dict[str, Any]:
    frame = known.clock(answers).nearest(time)
    return {
        'id': image_id,
        'video_id': video_id,
        'frame_id': frame,
        'file_name': f'{answers.video_id}/{frame:06d}.jpg',
        'width': answers.width,
        'height': answers.height,
        'time_sec': time,
    }


def _annotation(
    number: int, image_id: int, track: dict[str, int], box: list[float], span: QuerySpan
) -> dict[str, Any]:
    x1, y1, x2, y2 = box
    return {
        'id': number,
        'image_id': image_id,
        'video_id': track['video_id'],
        'category_id': track['category_id'],
        'track_id': track['id'],
        'instance_id': track['id'],
        'bbox': [x1, y1, x2 - x1, y2 - y1],
        'area': (x2 - x1) * (y2 - y1),
        'iscrowd': 0,
        'score': 1.0 if span.score is None else span.score,
    }


def read(path: Path, known: KnownVideos) -> list[VideoAnswers]:
    """Read a file; a track without ``start_sec`` lasts from its first image to after its last.

    Raises:
        ValueError: If a field is missing or of another type, or an id stands for nothing.
    """
    document = read_json(path)
    names = {
        entry['id'].identity(): entry['name'].text() for entry in document['categories'].items()
    }
    videos = {entry['id'].identity(): _gathered(entry) for entry in document['videos'].items()}
    clocked = {key: known.complete(one.facts) for key, one in videos.items()}
    images = {entry['id'].identity(): entry for entry in document['images'].items()}
    boxes: dict[Any, list[tuple[float, Box | None]]] = {}
    tracks = {entry['id'].identity(): entry for entry in _items(document, 'tracks')}
    for entry in document['annotations'].items():
        key = entry['track_id' if 'track_id' in entry.names() else 'instance_id'].identity()
        image = _find(images, entry['image_id'], 'image')
        tracks.setdefault(key, _track_of(entry, image))
        facts = _find(clocked, tracks[key]['video_id'], 'video')
        boxes.setdefault(key, []).append((_time(image, facts, known), _box(entry)))
    for key, track in tracks.items():
        gathered = _find(videos, track['video_id'], 'video')
        query = _find(names, track['category_id'], 'category')
        with located(track.where):
            facts = clocked[track['video_id'].identity()]
            span = _span(track, sorted(boxes.get(key, []), key=lambda one: one[0]), facts, known)
            gathered.add(query, span)
    return [known.complete(gathered.answers()) for gathered in videos.values()]


def _gathered(entry: JsonNode) -> Gathered:
    if optional(entry, 'queries') is not None:
        return gathered_from_json(entry)
    return Gathered(video_facts(entry['name'].text(), entry))


def _items(document: JsonNode, key: str) -> list[JsonNode]:
    node = optional(document, key)
    return [] if node is None else node.items()


def _track_of(entry: JsonNode, image: JsonNode) -> JsonNode:
    """Return a track that stands only in its boxes."""
    fields = {'video_id': image['video_id'].value, 'category_id': entry['category_id'].value}
    return JsonNode(fields, entry.where)


def _find(known: dict[Any, Any], node: JsonNode, kind: str) -> Any:
    if node.identity() not in known:
        raise ValueError(f'{node.where}: there is no {kind} {node.value!r}')
    return known[node.identity()]


def _time(image: JsonNode, facts: VideoAnswers, known: KnownVideos) -> float:
    time_sec = optional(image, 'time_sec')
    if time_sec is not None:
        return time_sec.number()
    key = 'frame_id' if 'frame_id' in image.names() else 'frame_index'
    return known.clock(facts).time(image[key].integer())


def _box(entry: JsonNode) -> Box:
    sides = entry['bbox'].array('f8')
    if len(sides) != 4:
        raise ValueError(f'{entry.where}.bbox must be x, y, width, height')
    x, y, width, height = sides.tolist()
    return (x, y, x + width, y + height)


def _span(
    track: JsonNode,
    boxes: list[tuple[float, Box | None]],
    facts: VideoAnswers,
    known: KnownVideos,
) -> QuerySpan:
    score, probability = (optional_number(track, name) for name in ('score', PROBABILITY))
    start, end = optional(track, 'start_sec'), optional(track, 'end_sec')
    if not boxes and (start is None or end is None):
        raise ValueError('a track has neither boxes nor start_sec and end_sec')
    start_sec = boxes[0][0] if start is None else start.number()
    end_sec = boxes[-1][0] + 1 / known.clock(facts).fps if end is None else end.number()
    return span_with_boxes(start_sec, end_sec, boxes, score, probability)
