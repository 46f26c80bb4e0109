"""Facts of a video as JSON, for formats that let a file hold more than they define."""

from typing import Any

from stgr.io.checked_json import JsonNode, check_finite, format_json
from stgr.io.formats.gathering import Gathered, located
from stgr.structures.video_answers import VideoAnswers

PROBABILITY = 'probability'
FACTS = ('width', 'height', 'duration_sec', 'fps')


def facts_to_json(answers: VideoAnswers) -> dict[str, Any]:
    """Return what is known of a video, and what was asked of it, found or not."""
    facts = {name: getattr(answers, name) for name in FACTS}
    queries = [
        {'query': answer.query, 'score': answer.score, **probability_to_json(answer.probability)}
        for answer in answers.queries
    ]
    return {'video': answers.video, **facts, 'queries': queries}


def gathered_from_json(node: JsonNode) -> Gathered:
    """Return the beginning of answers that ``facts_to_json`` noted.

    Raises:
        ValueError: If a field is of another type.
    """
    gathered = Gathered(video_facts(node['video'].text(), node))
    for entry in node['queries'].items():
        with located(entry.where):
            query, score = entry['query'].text(), optional_number(entry, 'score')
            gathered.score(query, score, optional_number(entry, PROBABILITY))
    return gathered


def video_facts(video: str, node: JsonNode) -> VideoAnswers:
    """Return answers without queries from the fields of a video; each of them may be missing."""
    width, height = optional(node, 'width'), optional(node, 'height')
    with located(node.where):
        return VideoAnswers(
            video,
            (),
            None if width is None else width.integer(),
            None if height is None else height.integer(),
            optional_number(node, 'duration_sec'),
            optional_number(node, 'fps'),
        )


def probability_to_json(probability: float | None) -> dict[str, float]:
    """Return the field of a probability; none where no calibrated model told one."""
    return {} if probability is None else {PROBABILITY: probability}


def optional(node: JsonNode, key: str) -> JsonNode | None:
    """Return a field of an object; None where it is missing or null."""
    if not isinstance(node.value, dict) or node.value.get(key) is None:
        return None
    return node[key]


def optional_number(node: JsonNode, key: str) -> float | None:
    """Return a number of an object; None where it is missing or null."""
    found = optional(node, key)
    return None if found is None else found.number()


def json_bytes(document: Any) -> bytes:
    """Return a document as UTF-8 JSON for people.

    Raises:
        ValueError: If a number is not finite.
    """
    check_finite(document, 'answers')
    return (format_json(document) + '\n').encode()
