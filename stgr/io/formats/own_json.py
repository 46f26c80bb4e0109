"""The answers of several videos in one JSON file, value for value; no format of another tool."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from stgr.io.checked_json import JsonNode, read_json
from stgr.io.formats.gathering import located
from stgr.io.formats.json_facts import (
    FACTS,
    PROBABILITY,
    json_bytes,
    optional_number,
    probability_to_json,
    video_facts,
)
from stgr.io.formats.known_videos import KnownVideos
from stgr.structures.video_answers import QueryAnswer, QuerySpan, VideoAnswers

FORMAT = 'stgr-answers/1'


def write(videos: Sequence[VideoAnswers], known: KnownVideos) -> bytes:
    """Return the file; seconds, pixels and scores as they are."""
    del known
    return json_bytes({'format': FORMAT, 'videos': [_video(answers) for answers in videos]})


def _video(answers: VideoAnswers) -> dict[str, Any]:
    facts = {name: getattr(answers, name) for name in FACTS}
    queries = [
        {
            'query': answer.query,
            'found': answer.found,
            'score': answer.score,
            **probability_to_json(answer.probability),
            'spans': [_span(span) for span in answer.spans],
        }
        for answer in answers.queries
    ]
    return {'video': answers.video, **facts, 'queries': queries}


def _span(span: QuerySpan) -> dict[str, Any]:
    return {
        'start_sec': span.start_sec,
        'end_sec': span.end_sec,
        'score': span.score,
        **probability_to_json(span.probability),
        'times_sec': span.times_sec.tolist(),
        'boxes_px': span.boxes_px.astype(np.float64).tolist(),
        'visible': span.visible.tolist(),
    }


def read(path: Path, known: KnownVideos) -> list[VideoAnswers]:
    """Read what ``write`` wrote.

    Raises:
        ValueError: If it is of another format, or a field is missing or of another type.
    """
    document = read_json(path)
    if document['format'].text() != FORMAT:
        raise ValueError(f'{path}: format is {document["format"].value!r}, expected {FORMAT}')
    return [known.complete(_read_video(node)) for node in document['videos'].items()]


def _read_video(node: JsonNode) -> VideoAnswers:
    queries = tuple(_read_query(entry) for entry in node['queries'].items())
    facts = video_facts(node['video'].text(), node)
    with located(node.where):
        return VideoAnswers(facts.video, queries, *(getattr(facts, name) for name in FACTS))


def _read_query(node: JsonNode) -> QueryAnswer:
    spans = tuple(_read_span(span) for span in node['spans'].items())
    if node['found'].flag() != bool(spans):
        raise ValueError(f'{node.where}: found is {node["found"].value}, with {len(spans)} spans')
    with located(node.where):
        return QueryAnswer(
            node['query'].text(),
            spans,
            optional_number(node, 'score'),
            optional_number(node, PROBABILITY),
        )


def _read_span(node: JsonNode) -> QuerySpan:
    with located(node.where):
        return QuerySpan(
            node['start_sec'].number(),
            node['end_sec'].number(),
            optional_number(node, 'score'),
            node['times_sec'].array('f8'),
            node['boxes_px'].array('f4', columns=4),
            np.array([seen.flag() for seen in node['visible'].items()], bool),
            optional_number(node, PROBABILITY),
        )
