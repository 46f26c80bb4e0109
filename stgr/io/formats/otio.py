"""OpenTimelineIO: the whole video as a clip, a marker per span.

Markers are in frames of the video (``RationalTime`` of the rate of the video), their name is the
query, their metadata hold the score; what was asked stands in the metadata of the timeline. No
boxes. Several videos are a collection of timelines.

Source: OpenTimelineIO's file format specification (schemas ``Timeline.1``, ``Clip.2``,
``Marker.2``, ``TimeRange.1``, ``RationalTime.1``, ``SerializableCollection.1``).
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from stgr.io.checked_json import JsonNode, read_json
from stgr.io.formats.frame_clock import FrameClock
from stgr.io.formats.gathering import Gathered, located
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
from stgr.structures.video_answers import QuerySpan, VideoAnswers

COLOURS = ('RED', 'ORANGE', 'YELLOW', 'GREEN', 'CYAN', 'BLUE', 'PURPLE', 'MAGENTA', 'PINK')
MEDIA = 'DEFAULT_MEDIA'


def write(videos: Sequence[VideoAnswers], known: KnownVideos) -> bytes:
    """Return a timeline, or a collection of them.

    Raises:
        ValueError: If rate or length of a video is not known.
    """
    timelines = [_timeline(answers, known.clock(answers)) for answers in videos]
    if len(timelines) == 1:
        return json_bytes(timelines[0])
    return json_bytes(_schema('SerializableCollection.1', 'stgr', children=timelines))


def _schema(schema: str, name: str, **fields: Any) -> dict[str, Any]:
    return {'OTIO_SCHEMA': schema, 'metadata': {}, 'name': name, **fields}


def _timeline(answers: VideoAnswers, clock: FrameClock) -> dict[str, Any]:
    reference = _schema(
        'ExternalReference.1',
        '',
        available_range=_range(0, clock.num_frames, clock.fps),
        target_url=answers.video,
    )
    item = {'effects': [], 'enabled': True}
    clip = _schema(
        'Clip.2',
        answers.video_id,
        source_range=_range(0, clock.num_frames, clock.fps),
        markers=list(_markers(answers, clock)),
        media_references={MEDIA: reference},
        active_media_reference_key=MEDIA,
        **item,
    )
    track = _schema(
        'Track.1', 'V1', source_range=None, markers=[], children=[clip], kind='Video', **item
    )
    stack = _schema('Stack.1', 'tracks', source_range=None, markers=[], children=[track], **item)
    timeline = _schema('Timeline.1', answers.video_id, global_start_time=None, tracks=stack)
    return {**timeline, 'metadata': {'stgr': facts_to_json(answers)}}


def _range(first: int, stop: int, fps: float) -> dict[str, Any]:
    return {
        'OTIO_SCHEMA': 'TimeRange.1',
        'start_time': _time(first, fps),
        'duration': _time(stop - first, fps),
    }


def _time(frames: int, fps: float) -> dict[str, Any]:
    return {'OTIO_SCHEMA': 'RationalTime.1', 'rate': fps, 'value': float(frames)}


def _markers(answers: VideoAnswers, clock: FrameClock) -> Iterator[dict[str, Any]]:
    for number, answer in enumerate(answers.queries):
        for span in answer.spans:
            first, stop = clock.frames(span.start_sec, span.end_sec)
            marker = _schema(
                'Marker.2',
                answer.query,
                color=COLOURS[number % len(COLOURS)],
                marked_range=_range(first, stop, clock.fps),
                comment='',
            )
            notes = {'score': span.score, **probability_to_json(span.probability)}
            yield {**marker, 'metadata': {'stgr': notes}}


def read(path: Path, known: KnownVideos) -> list[VideoAnswers]:
    """Read the markers of clips, and of the timeline where it is one uncut video.

    Times count from the beginning of the clip's media. A marker is a span; its name the query.

    Raises:
        ValueError: If the file holds no timeline, a field is missing or of another type, or a
            marker has no length.
    """
    document = read_json(path)
    schema = document['OTIO_SCHEMA'].text()
    if schema.startswith('SerializableCollection.'):
        timelines = document['children'].items()
    elif schema.startswith('Timeline.'):
        timelines = [document]
    else:
        raise ValueError(f'{path}: expected a timeline, but got {schema}')
    return [_read_timeline(timeline, known) for timeline in timelines]


def _read_timeline(timeline: JsonNode, known: KnownVideos) -> VideoAnswers:
    ours = optional(timeline['metadata'], 'stgr')
    if ours is not None:
        gathered = gathered_from_json(ours)
    else:
        gathered = Gathered(VideoAnswers(_media(timeline), ()))
    stack = timeline['tracks']
    uncut = [(marker, 0.0) for marker in stack['markers'].items()]
    for marker, media_start_sec in [*uncut, *_clip_markers(stack)]:
        with located(marker.where):
            start = _seconds(marker['marked_range']['start_time']) - media_start_sec
            end = start + _seconds(marker['marked_range']['duration'])
            notes = optional(marker['metadata'], 'stgr')
            score, probability = (
                None if notes is None else optional_number(notes, name)
                for name in ('score', PROBABILITY)
            )
            span = QuerySpan(start, end, score, probability=probability)
            gathered.add(marker['name'].text(), span)
    return known.complete(gathered.answers())


def _clip_markers(stack: JsonNode) -> Iterator[tuple[JsonNode, float]]:
    """Yield the markers of clips, each with the time at which the media of its clip begins.

    Cameras and editing programs let it begin at a time of day or at an hour.
    """
    for track in stack['children'].items():
        for clip in track['children'].items():
            if 'markers' in clip.names():
                ranges = [optional(one, 'available_range') for one in _references(clip)]
                known = [one for one in ranges if one is not None]
                start_sec = _seconds(known[0]['start_time']) if known else 0.0
                yield from ((marker, start_sec) for marker in clip['markers'].items())


def _references(clip: JsonNode) -> list[JsonNode]:
    """Return the media of a clip, the one in use first."""
    references = optional(clip, 'media_references')
    if references is None:
        return []
    active = optional(clip, 'active_media_reference_key')
    key = None if active is None else active.text()
    return [references[name] for name in sorted(references.names(), key=lambda name: name != key)]


def _media(timeline: JsonNode) -> str:
    """Return the file of the first clip, or what the timeline is called."""
    for track in timeline['tracks']['children'].items():
        for clip in track['children'].items():
            for reference in _references(clip):
                url = optional(reference, 'target_url')
                if url is not None:
                    return url.text()
    return timeline['name'].text()


def _seconds(time: JsonNode) -> float:
    rate = time['rate'].number()
    if rate <= 0:
        raise ValueError(f'{time.where}.rate must be > 0, but is {rate}')
    return time['value'].number() / rate
