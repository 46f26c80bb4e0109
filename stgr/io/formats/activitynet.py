"""ActivityNet's results of temporal localisation, and its ground truth.

Source: the file format of ActivityNet's evaluation (``version``, ``results``, ``external_data``;
``database`` in ground truth). Segments are seconds; a video is called by its name without suffix.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stgr.io.checked_json import JsonNode, read_json
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

VERSION = 'VERSION 1.3'


def write(videos: Sequence[VideoAnswers], known: KnownVideos) -> bytes:
    """Return a file of results; facts and queries that were not found stand under ``stgr``.

    A span without a score gets 1; ``probability`` is ours, evaluation ignores it.
    """
    del known
    return json_bytes(
        {
            'version': VERSION,
            'results': {answers.video_id: _segments(answers) for answers in videos},
            'external_data': {'used': False, 'details': ''},
            'stgr': {answers.video_id: facts_to_json(answers) for answers in videos},
        }
    )


def _segments(answers: VideoAnswers) -> list[dict[str, Any]]:
    return [
        {
            'label': answer.query,
            'score': 1.0 if span.score is None else span.score,
            'segment': [span.start_sec, span.end_sec],
            **probability_to_json(span.probability),
        }
        for answer in answers.queries
        for span in answer.spans
    ]


def read(path: Path, known: KnownVideos) -> list[VideoAnswers]:
    """Read results (``results``) or ground truth (``database``).

    Raises:
        ValueError: If the file holds neither, or a field is missing or of another type.
    """
    document = read_json(path)
    if 'results' in document.names():
        videos, entries = document['results'], 'results'
    else:
        videos, entries = document['database'], 'database'
    ours = optional(document, 'stgr')
    found = []
    for name in videos.names():
        facts = None if ours is None else optional(ours, name)
        gathered = Gathered(VideoAnswers(name, ())) if facts is None else gathered_from_json(facts)
        if entries == 'database':
            gathered = Gathered(_facts(name, videos[name]))
        labelled = videos[name] if entries == 'results' else videos[name]['annotations']
        for entry in labelled.items():
            _add(entry, gathered)
        found.append(known.complete(gathered.answers()))
    return found


def _facts(name: str, node: JsonNode) -> VideoAnswers:
    with located(node.where):
        return VideoAnswers(name, (), duration_sec=optional_number(node, 'duration'))


def _add(entry: JsonNode, gathered: Gathered) -> None:
    segment = entry['segment'].array('f8')
    if len(segment) != 2:
        raise ValueError(f'{entry.where}.segment must be [start, end], but is {segment.tolist()}')
    with located(entry.where):
        start, end = segment.tolist()
        score, probability = (optional_number(entry, name) for name in ('score', PROBABILITY))
        span = QuerySpan(start, end, score, probability=probability)
        gathered.add(entry['label'].text(), span)
