"""Facts of a video as JSON, for formats that let a file hold more than they define."""

from typing import Any

from stgr.io.checked_json import JsonNode, check_finite, format_json
from stgr.io.formats.gathering import Gathered, located
from stgr.structures.video_answers import VideoAnswers

FACTS = ('width', 'height', 'duration_sec', 'fps')


def facts_to_json(answers: VideoAnswers) -> dict[str, Any]:
    """Return what is known of a video, and what was asked of it, found or not."""
    facts = {name: getattr(answers, name) for name in FACTS}
    queries = [{'query': answer.query, 'score': answer.score} for answer in answers.queries]
    return {'video': answers.video, **facts, 'queries': queries}


def gathered_from_json(node: JsonNode) -> Gathered:
    """Return the beginning of answers that ``facts_to_json`` noted.

    Raises:
        ValueError: If a field is of another type.
    """
    gathered = Gathered(video_facts(node['video'].text(), node))
    for entry in node['queries'].items():
        with located(entry.where):
            score = optional(entry, 'score')
            gathered.score(entry['query'].text(), None if score is None else score.number())
    return gathered


def video_facts(video: str, node: JsonNode) -> VideoAnswers:
    """Return answers without queries from the fields of a video; each of them may be missing."""
    width, height, duration, fps = (optional(node, name) for name in FACTS)
    with located(node.where):
        return VideoAnswers(
            video,
            (),
            None if width is None else width.integer(),
            None if height is None else height.integer(),
            None if duration is None else duration.number(),
            None if fps is None else fps.number(),
        )


def optional(node: JsonNode, key: str) -> JsonNode | None:
    """Return a field of an object; None where it is missing or null."""
    if not isinstance(node.value, dict) or node.value.get(key) is None:
        return None
    return node[key]


def json_bytes(document: Any) -> bytes:
    """Return a document as UTF-8 JSON for people.

    Raises:
        ValueError: If a number is not finite.
    """
    check_finite(document, 'answers')
    return (format_json(document) + '\n').encode()
