"""Tasks of Label Studio for videos, with the answers as predictions to be corrected.

A span is a region of ``TimelineLabels`` (control ``when``), its boxes one of ``VideoRectangle``
(control ``box``). Frames count from 1 and ranges include their last frame, so ``end`` is the number
of the first frame after the span counted from 0. Boxes are per cent of the frame; between key
frames Label Studio draws straight lines, and a key frame that is not ``enabled`` is the last one.

Source: the serialisation documented at ``TimelineRegion`` of its editor, and
``extract_key_frames`` of its SDK.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
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
    probability_to_json,
)
from stgr.io.formats.known_videos import KnownVideos
from stgr.structures.video_answers import VideoAnswers

WHEN, WHERE, VIDEO = 'when', 'box', 'video'  # controls and object of the labelling interface


def write(videos: Sequence[VideoAnswers], known: KnownVideos) -> bytes:
    """Return the tasks, one per video; queries that were not found stand in the task's data.

    Raises:
        ValueError: If size, rate or length of a video is not known.
    """
    return json_bytes([_task(answers, known) for answers in videos])


def _task(answers: VideoAnswers, known: KnownVideos) -> dict[str, Any]:
    clock = known.clock(answers)
    regions: list[dict[str, Any]] = []
    for answer in answers.queries:
        for span in answer.spans:
            framed = frame_span(span, clock)
            number = len(regions)
            when = {
                'ranges': [{'start': framed.first + 1, 'end': framed.stop}],
                'timelinelabels': [answer.query],
            }
            regions.append(_region(f'when{number}', WHEN, 'timelinelabels', when, framed))
            if framed.boxes:
                where = {
                    'framesCount': clock.num_frames,
                    'duration': answers.duration_sec,
                    'labels': [answer.query],
                    'sequence': _sequence(framed, answers, known),
                }
                regions.append(_region(f'box{number}', WHERE, 'videorectangle', where, framed))
    data = {'video': answers.video, 'fps': clock.fps, 'stgr': facts_to_json(answers)}
    return {'data': data, 'predictions': [{'model_version': 'stgr', 'result': regions}]}


def _region(
    key: str, control: str, kind: str, value: dict[str, Any], framed: FramedSpan
) -> dict[str, Any]:
    region = {'id': key, 'from_name': control, 'to_name': VIDEO, 'type': kind, 'value': value}
    if framed.probability is not None:
        region['meta'] = probability_to_json(framed.probability)
    return region if framed.score is None else {**region, 'score': framed.score}


def _sequence(
    framed: FramedSpan, answers: VideoAnswers, known: KnownVideos
) -> list[dict[str, Any]]:
    if answers.width is None or answers.height is None:
        raise ValueError(f'{answers.video}: its size is not known; give the video with --video')
    clock, keys = known.clock(answers), framed.key_frames()
    last = framed.stop - 1
    if last not in keys:
        keys = {**keys, last: next(reversed(keys.values()))}
    return [
        {
            'frame': frame + 1,
            'time': clock.time(frame),
            'enabled': frame != last,
            'rotation': 0,
            'x': 100 * box[0] / answers.width,
            'y': 100 * box[1] / answers.height,
            'width': 100 * (box[2] - box[0]) / answers.width,
            'height': 100 * (box[3] - box[1]) / answers.height,
        }
        for frame, box in keys.items()
    ]


def read(path: Path, known: KnownVideos) -> list[VideoAnswers]:
    """Read tasks as exported (JSON): what people answered, and predictions where nobody did.

    The last annotation of a task that was not cancelled counts. Boxes belong to the spans of the
    same label that they overlap; those outside all of them make spans of their own.

    Raises:
        ValueError: If a field is missing or of another type, or the size of a video with boxes is
            not known.
    """
    document = read_json(path)
    return [_read_task(task, known) for task in document.items()]


def _read_task(task: JsonNode, known: KnownVideos) -> VideoAnswers:
    data = task['data']
    ours = optional(data, 'stgr')
    gathered = (
        Gathered(VideoAnswers(data['video'].text(), ()))
        if ours is None
        else gathered_from_json(ours)
    )
    facts = known.complete(gathered.facts)
    clock = known.clock(facts)
    spans: list[tuple[str, FramedSpan]] = []
    tracks: list[tuple[str, FramedSpan]] = []
    for region in _regions(task):
        kind = region['type'].text()
        with located(region.where):
            if kind == 'timelinelabels':
                spans += _timeline(region)
            elif kind == 'videorectangle':
                tracks += _rectangles(region, facts, clock.num_frames)
    for query, framed in _joined(spans, tracks):
        with located(task.where):
            gathered.add(query, span_of_frames(framed, clock))
    return known.complete(gathered.answers())


def _regions(task: JsonNode) -> list[JsonNode]:
    annotations = optional(task, 'annotations')
    done = [] if annotations is None else [one for one in annotations.items() if not _dropped(one)]
    if done:
        return done[-1]['result'].items()
    predictions = optional(task, 'predictions')
    given = [] if predictions is None else predictions.items()
    return given[-1]['result'].items() if given else []


def _dropped(annotation: JsonNode) -> bool:
    cancelled = optional(annotation, 'was_cancelled')
    return cancelled is not None and cancelled.flag()


def _sureness(region: JsonNode) -> tuple[float | None, float | None]:
    """Return score and probability of a region."""
    meta = optional(region, 'meta')
    probability = None if meta is None else optional_number(meta, PROBABILITY)
    return optional_number(region, 'score'), probability


def _timeline(region: JsonNode) -> Iterable[tuple[str, FramedSpan]]:
    for label in region['value']['timelinelabels'].items():
        for one in region['value']['ranges'].items():
            first, stop = one['start'].integer() - 1, one['end'].integer()
            if not 0 <= first < stop:
                raise ValueError(f'{one.where}: frames {first + 1} to {stop} are no range')
            yield label.text(), FramedSpan(first, stop, {}, *_sureness(region))


def _rectangles(
    region: JsonNode, facts: VideoAnswers, num_frames: int
) -> Iterable[tuple[str, FramedSpan]]:
    """Yield each unbroken run of enabled key frames; the one that is not enabled ends it."""
    value = region['value']
    labels = optional(value, 'labels')
    if labels is None:
        raise ValueError('a box has no label; give it one in Label Studio')
    keys = sorted(value['sequence'].items(), key=lambda key: key['frame'].integer())
    runs: list[dict[int, Box]] = []
    ends: list[int] = []
    for key in keys:
        frame = key['frame'].integer() - 1
        if len(ends) == len(runs):
            runs.append({})
        runs[-1][frame] = _box(key, facts)
        if not key['enabled'].flag():
            ends.append(frame + 1)
    for run, stop in zip(runs, [*ends, num_frames], strict=False):
        for label in labels.items():
            last = max(stop, max(run) + 1)
            yield label.text(), FramedSpan(min(run), last, run, *_sureness(region))


def _box(key: JsonNode, facts: VideoAnswers) -> Box:
    if facts.width is None or facts.height is None:
        raise ValueError(f'{facts.video}: its size is not known; give the video with --video')
    x, y, width, height = (key[side].number() for side in ('x', 'y', 'width', 'height'))
    across, down = facts.width / 100, facts.height / 100
    return (x * across, y * down, (x + width) * across, (y + height) * down)


def _joined(
    spans: list[tuple[str, FramedSpan]], tracks: list[tuple[str, FramedSpan]]
) -> list[tuple[str, FramedSpan]]:
    """Return the spans with the boxes that fall inside, and the tracks that overlap none."""
    joined = []
    for query, span in spans:
        boxes = {
            frame: box
            for name, track in tracks
            for frame, box in track.boxes.items()
            if name == query and span.first <= frame < span.stop
        }
        joined.append((query, replace(span, boxes=dict(sorted(boxes.items())))))
    alone = [
        (query, track)
        for query, track in tracks
        if not any(
            name == query and span.first < track.stop and track.first < span.stop
            for name, span in spans
        )
    ]
    return joined + alone
