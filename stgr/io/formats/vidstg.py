"""VidSTG's sentences with their tubes, in the one-file layout of TubeDETR.

``videos`` holds a record per sentence and tube (``tube_start_frame``, ``tube_end_frame``, the
segment that is searched: here the whole video), ``trajectories`` the boxes: ``{video: {target:
{frame: {"bbox": [x, y, width, height]}}}}``. Frames count from 0, intervals are half-open. The
layout has no sentence without a tube, so queries that were not found are left out.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stgr.io.checked_json import JsonNode, read_json
from stgr.io.formats.framed_spans import FramedSpan, frame_span, span_of_frames
from stgr.io.formats.gathering import Box, Gathered, located
from stgr.io.formats.json_facts import json_bytes
from stgr.io.formats.known_videos import KnownVideos
from stgr.structures.video_answers import VideoAnswers


def write(videos: Sequence[VideoAnswers], known: KnownVideos) -> bytes:
    """Return the file; boxes are those of the frames that were looked at.

    Raises:
        ValueError: If size, rate or length of a video is not known.
    """
    records: list[dict[str, Any]] = []
    trajectories: dict[str, Any] = {}
    for answers in videos:
        targets = trajectories.setdefault(answers.video_id, {})
        for answer in answers.queries:
            for span in answer.spans:
                framed = frame_span(span, known.clock(answers))
                target = len(targets)
                targets[str(target)] = {
                    str(frame): {'bbox': _sides(box)} for frame, box in framed.boxes.items()
                }
                records.append(_record(len(records), answers, known, answer.query, framed, target))
    return json_bytes({'videos': records, 'trajectories': trajectories})


def _sides(box: Box) -> list[float]:
    x1, y1, x2, y2 = box
    return [x1, y1, x2 - x1, y2 - y1]


def _record(
    number: int,
    answers: VideoAnswers,
    known: KnownVideos,
    query: str,
    framed: FramedSpan,
    target: int,
) -> dict[str, Any]:
    if answers.width is None or answers.height is None:
        raise ValueError(f'{answers.video}: its size is not known; give the video with --video')
    clock = known.clock(answers)
    return {
        'video_id': number,
        'original_video_id': answers.video_id,
        'video_path': answers.video,
        'caption': query,
        'qtype': 'declarative',
        'target_id': target,
        'fps': clock.fps,
        'width': answers.width,
        'height': answers.height,
        'frame_count': clock.num_frames,
        'start_frame': 0,
        'end_frame': clock.num_frames,
        'tube_start_frame': framed.first,
        'tube_end_frame': framed.stop,
    }


def read(path: Path, known: KnownVideos) -> list[VideoAnswers]:
    """Read TubeDETR's layout; the tubes of equal sentences of a video become one answer.

    Raises:
        ValueError: If a field is missing or of another type.
    """
    document = read_json(path)
    videos: dict[str, Gathered] = {}
    for record in document['videos'].items():
        name = record['original_video_id'].text()
        if name not in videos:
            videos[name] = Gathered(_facts(name, record))
        boxes = _boxes(document['trajectories'][name], str(record['target_id'].identity()))
        first, stop = record['tube_start_frame'].integer(), record['tube_end_frame'].integer()
        inside = {frame: box for frame, box in boxes.items() if first <= frame < stop}
        with located(record.where):
            span = span_of_frames(FramedSpan(first, stop, inside), known.clock(videos[name].facts))
            videos[name].add(record['caption'].text(), span)
    return [known.complete(gathered.answers()) for gathered in videos.values()]


def _facts(name: str, record: JsonNode) -> VideoAnswers:
    fps = record['fps'].number()
    with located(record.where):
        if fps <= 0:
            raise ValueError(f'fps must be > 0, but is {fps}')
        return VideoAnswers(
            name,
            (),
            record['width'].integer(),
            record['height'].integer(),
            record['frame_count'].integer() / fps,
            fps,
        )


def _boxes(targets: JsonNode, target: str) -> dict[int, Box]:
    node = targets[target]
    boxes: dict[int, Box] = {}
    for key in node.names():
        sides = node[key]['bbox'].array('f8')
        if len(sides) != 4 or not key.isdecimal():
            raise ValueError(f'{node[key].where} must be the 4 numbers of a frame')
        x, y, width, height = sides.tolist()
        boxes[int(key)] = (x, y, x + width, y + height)
    return dict(sorted(boxes.items()))
