"""Readers of the annotation files of YouCook-Interactions: boxes, segments, sentences, sizes."""

import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stgr.io.checked_json import JsonNode, read_json
from stgr.io.restricted_pickle import read_pickle

# The boxes of most videos are measured in a frame that was made to fit this width and height.
LIMIT = (640, 360)
# Those of these seven in the frame of the video as it was uploaded.
NATIVE_VIDEOS = frozenset(
    {
        '30Q8k57Kbz4',
        'FzhJGCaaYVs',
        'oJZUxU9szWA',
        '4Y8vVGsv4JE',
        'vU2lND4YQjM',
        'WYAFPvlDB_A',
        '1vJp-jaIaeE',
    }
)
# And those of this one in a frame that the limit does not describe.
KNOWN_SIZES = {'9Y9_OBnJub0': (640, 480)}
# Sizes of uploaded videos, to guess one from boxes.
USUAL_SIZES = ((854, 480), (1280, 720), (1920, 1080), (3840, 2160))

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class SentenceSegment:
    """A part of a video and what is done in it.

    Args:
        first_sec: First second.
        last_sec: Last second, in it too.
        sentence: What is done, as YouCook2 says it.
    """

    first_sec: int
    last_sec: int
    sentence: str


def read_interaction_boxes(path: Path) -> dict[str, dict[int, Box]]:
    """Read boxes by video and second, in the order of time.

    Args:
        path: Pickle of ``{video_id: {second: (x1, y1, x2, y2)}}``, pixels, halves among them.

    Returns:
        The boxes as they are: one of the 2,570 real ones is empty; metrics count it as a miss.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not that, or a number is not finite; video and second are named.
    """
    content = read_pickle(path)
    if not isinstance(content, dict):
        raise ValueError(f'{path} must hold a dict of videos, but holds {_kind(content)}')
    boxes: dict[str, dict[int, Box]] = {}
    for video_id, seconds in content.items():
        if not isinstance(video_id, str) or not isinstance(seconds, dict):
            raise ValueError(f'{path}: {video_id!r} must be an id with a dict of seconds')
        found = {
            _second(second, f'{path}: {video_id}'): _box(box, f'{path}: {video_id}: {second!r}')
            for second, box in seconds.items()
        }
        boxes[video_id] = dict(sorted(found.items()))
    return boxes


def read_interaction_segments(
    path: Path, sentences: dict[str, list[SentenceSegment]]
) -> dict[str, list[SentenceSegment]]:
    """Read the segments of each video, sorted, each with the sentence that starts with it.

    Args:
        path: Pickle of a set of ``(video_id, first second, last second)``.
        sentences: What is done when in each video, see ``read_sentences``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not that, a segment ends before it begins, or no one sentence starts
            with it (of several that do, the one that also ends with it counts); it is named.
    """
    content = read_pickle(path)
    if not isinstance(content, set | frozenset | list):
        raise ValueError(f'{path} must hold a set of segments, but holds {_kind(content)}')
    segments: dict[str, list[SentenceSegment]] = {}
    for row in content:
        if not (isinstance(row, tuple) and len(row) == 3 and isinstance(row[0], str)):
            raise ValueError(f'{path}: a segment is (video_id, start, end), got {_shown(row)}')
        video_id, first, last = row[0], *(_second(n, f'{path}: {row[0]}') for n in row[1:])
        if last < first:
            raise ValueError(f'{path}: {video_id}: {first}..{last} ends before it begins')
        sentence = _sentence(sentences.get(video_id, []), first, last, f'{path}: {video_id}')
        segments.setdefault(video_id, []).append(SentenceSegment(first, last, sentence))
    ordered = sorted(segments.items())
    return {name: sorted(found, key=lambda one: one.first_sec) for name, found in ordered}


def read_sentences(path: Path) -> tuple[dict[str, list[SentenceSegment]], dict[str, float]]:
    """Read what is done when in the videos of YouCook2, and how long they are.

    Args:
        path: ``{"database": {video_id: {"duration", "annotations": [{"segment", "sentence"}]}}}``.

    Returns:
        Sentences with their seconds by video, and the seconds of each video.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not that; the field is named.
    """
    database = read_json(path)['database']
    if not isinstance(database.value, dict):
        raise ValueError(f'{database.where} must be an object')
    sentences: dict[str, list[SentenceSegment]] = {}
    durations_sec: dict[str, float] = {}
    for video_id in database.value:
        entry = database[video_id]
        sentences[video_id] = [_annotation(node) for node in entry['annotations'].items()]
        durations_sec[video_id] = entry['duration'].number()
    return sentences, durations_sec


def interaction_frame_size(
    video_id: str, native: tuple[int, int] | None, boxes: dict[int, Box]
) -> tuple[tuple[int, int], str]:
    """Return the width and height that a video's boxes are measured in, and how that is known.

    Args:
        video_id: The video.
        native: Its size as uploaded; None if not known.
        boxes: Its boxes.

    Returns:
        The size, and ``'known'``: told by the list of exceptions or made from ``native``;
        ``'assumed'``: 640 x 360 for want of ``native`` (right for every video of 16:9 that is at
        least so large); ``'guessed'``: for one of ``NATIVE_VIDEOS`` for want of ``native``, the
        smallest usual size that holds its boxes.
    """
    if video_id in KNOWN_SIZES:
        return KNOWN_SIZES[video_id], 'known'
    if native is not None:
        return (native if video_id in NATIVE_VIDEOS else _fitted(native)), 'known'
    if video_id not in NATIVE_VIDEOS:
        return LIMIT, 'assumed'
    right = max((box[2] for box in boxes.values()), default=0)
    bottom = max((box[3] for box in boxes.values()), default=0)
    fits = [size for size in USUAL_SIZES if size[0] >= right and size[1] >= bottom]
    return (fits or [(math.ceil(right), math.ceil(bottom))])[0], 'guessed'


def _fitted(size: tuple[int, int]) -> tuple[int, int]:
    """Return a size made to fit the limit, width to height as before, never enlarged."""
    scale = min(1.0, LIMIT[0] / size[0], LIMIT[1] / size[1])
    return max(round(size[0] * scale), 1), max(round(size[1] * scale), 1)


def _annotation(node: JsonNode) -> SentenceSegment:
    ends = [end.integer() for end in node['segment'].items()]
    if len(ends) != 2:
        raise ValueError(f'{node.where}.segment must be two seconds, but is {ends}')
    return SentenceSegment(ends[0], ends[1], node['sentence'].text().strip())


def _sentence(sentences: list[SentenceSegment], first: int, last: int, where: str) -> str:
    """Return the sentence that starts at ``first``; the end tells several of them apart."""
    found = [one for one in sentences if one.first_sec == first]
    if len(found) > 1:
        found = [one for one in found if one.last_sec == last]
    if len(found) != 1:
        starts = [one.first_sec for one in sentences]
        raise ValueError(
            f'{where}: {len(found) or "no"} sentences belong to {first}..{last}; '
            f'they start at {starts or "no second, as the video is not in the file"}'
        )
    return found[0].sentence


def _second(value: Any, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f'{where}: a second is a whole number >= 0, got {_shown(value)}')
    return value


def _box(value: Any, where: str) -> Box:
    numbers = list(value) if isinstance(value, tuple | list) else []
    sound = len(numbers) == 4 and all(type(n) in (int, float) for n in numbers)
    if not sound or not all(abs(n) <= sys.float_info.max for n in numbers):
        raise ValueError(f'{where}: a box is 4 finite numbers, got {_shown(value)}')
    x1, y1, x2, y2 = map(float, numbers)
    return x1, y1, x2, y2


def _kind(value: Any) -> str:
    return f'a {type(value).__name__}'


def _shown(value: Any) -> str:
    try:
        text = repr(value)
    except ValueError:  # integers beyond Python's limit of digits
        text = type(value).__name__
    return text if len(text) <= 60 else f'{text[:57]}...'
