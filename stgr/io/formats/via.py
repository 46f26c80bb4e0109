"""Projects of the VGG Image Annotator, version 3 (VIA): a view per video.

A span is a temporal segment, ``z`` its start and end in seconds; a box is a rectangle ``[2, x, y,
width, height]`` in pixels at one time. Both carry the action as attribute; the options of the
attribute are all that was asked. What was not found in a video is listed in an attribute of it.

Source: VIA 3's code documentation (``_via_metadata``, shape ids, anchors of attributes).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stgr.io.checked_json import JsonNode, read_json
from stgr.io.formats.gathering import Box, Gathered, located, span_with_boxes
from stgr.io.formats.json_facts import facts_to_json, gathered_from_json, json_bytes, optional
from stgr.io.formats.known_videos import KnownVideos
from stgr.structures.video_answers import VideoAnswers

WHEN, WHERE, NOT_FOUND = '1', '2', '3'  # ids of our attributes
ANCHORS = {WHEN: 'FILE1_Z2_XY0', WHERE: 'FILE1_Z1_XY1', NOT_FOUND: 'FILE1_Z0_XY0'}
TEXT, SELECT = 1, 4  # kinds of attributes
VIDEO, LOCAL, RECTANGLE = 4, 1, 2


def write(videos: Sequence[VideoAnswers], known: KnownVideos) -> bytes:
    """Return a project with all videos; open it in VIA and choose the video files when asked."""
    del known
    names = dict.fromkeys(answer.query for answers in videos for answer in answers.queries)
    options = {name: name for name in names}
    numbered = {str(i): answers for i, answers in enumerate(videos, 1)}
    return json_bytes(
        {
            'project': {
                'pid': '__VIA_PROJECT_ID__',
                'rev': '__VIA_PROJECT_REV_ID__',
                'rev_timestamp': '__VIA_PROJECT_REV_TIMESTAMP__',
                'pname': 'stgr',
                'data_format_version': '3.1.1',
                'creator': 'stgr',
                'created': 0,
                'vid_list': list(numbered),
            },
            'config': {
                'file': {'loc_prefix': {'1': '', '2': '', '3': '', '4': ''}},
                'ui': {
                    'file_content_align': 'center',
                    'file_metadata_editor_visible': True,
                    'spatial_metadata_editor_visible': True,
                    'temporal_segment_metadata_editor_visible': True,
                    'spatial_region_label_attribute_id': WHERE,
                    'gtimeline_visible_row_count': '4',
                },
            },
            'attribute': {
                WHEN: _attribute('action', WHEN, SELECT, options),
                WHERE: _attribute('action', WHERE, SELECT, options),
                NOT_FOUND: _attribute('not found', NOT_FOUND, TEXT, {}),
            },
            'file': {key: _file(key, answers) for key, answers in numbered.items()},
            'metadata': dict(_metadata(numbered)),
            'view': {key: {'fid_list': [key]} for key in numbered},
        }
    )


def _attribute(name: str, key: str, kind: int, options: dict[str, str]) -> dict[str, Any]:
    return {
        'aname': name,
        'anchor_id': ANCHORS[key],
        'type': kind,
        'desc': '',
        'options': options,
        'default_option_id': '',
    }


def _file(key: str, answers: VideoAnswers) -> dict[str, Any]:
    name = answers.video.replace('\\', '/').rsplit('/', 1)[-1]
    stgr = facts_to_json(answers)
    return {'fid': key, 'fname': name, 'type': VIDEO, 'loc': LOCAL, 'src': '', 'stgr': stgr}


def _metadata(videos: dict[str, VideoAnswers]) -> list[tuple[str, dict[str, Any]]]:
    found: list[dict[str, Any]] = []
    for view, answers in videos.items():
        start = {'vid': view, 'flg': 0}
        for answer in answers.queries:
            for span in answer.spans:
                ends = [span.start_sec, span.end_sec]
                found.append({**start, 'z': ends, 'xy': [], 'av': {WHEN: answer.query}})
                places = zip(
                    span.times_sec.tolist(), span.boxes_px.tolist(), span.visible, strict=True
                )
                for time, (x1, y1, x2, y2), seen in places:
                    if seen:
                        xy = [RECTANGLE, x1, y1, x2 - x1, y2 - y1]
                        found.append({**start, 'z': [time], 'xy': xy, 'av': {WHERE: answer.query}})
        if answers.not_found:
            av = {NOT_FOUND: '\n'.join(answers.not_found)}
            found.append({**start, 'z': [], 'xy': [], 'av': av})
    return [(f'{entry["vid"]}_{number:08d}', entry) for number, entry in enumerate(found)]


def read(path: Path, known: KnownVideos) -> list[VideoAnswers]:
    """Read a project of videos; attributes are known by what they describe, not by their names.

    Raises:
        ValueError: If a field is missing or of another type, a box is no rectangle or lies in no
            segment of its action.
    """
    document = read_json(path)
    attributes = document['attribute']
    files = document['file']
    found: dict[str, Gathered] = {}
    boxes: dict[str, list[tuple[str, float, Box, str]]] = {}
    spans: dict[str, list[tuple[str, float, float]]] = {}
    for view in document['view'].names():
        listed = document['view'][view]['fid_list']
        if not listed.items():
            raise ValueError(f'{listed.where} names no file')
        found[view] = _gathered(files[str(listed.items()[0].identity())])
    for key in document['metadata'].names():
        entry = document['metadata'][key]
        view = str(entry['vid'].identity())
        if view not in found:
            raise ValueError(f'{entry.where}: there is no view {view!r}')
        times, shape = entry['z'].array('f8').tolist(), entry['xy'].array('f8').tolist()
        name = _action(entry['av'], attributes)
        if len(times) == 2 and not shape:
            spans.setdefault(view, []).append((name, *times))
        elif len(times) == 1 and shape:
            boxes.setdefault(view, []).append((name, times[0], _box(entry, shape), entry.where))
        elif not times and not shape and NOT_FOUND in entry['av'].names():
            for query in entry['av'][NOT_FOUND].text().splitlines():
                found[view].ask(query)
    for view, gathered in found.items():
        with located(str(path)):
            _add(gathered, spans.get(view, []), boxes.get(view, []))
    return [known.complete(gathered.answers()) for gathered in found.values()]


def _gathered(file: JsonNode) -> Gathered:
    ours = optional(file, 'stgr')
    if ours is not None:
        return gathered_from_json(ours)
    return Gathered(VideoAnswers(file['fname'].text(), ()))


def _action(values: JsonNode, attributes: JsonNode) -> str:
    """Return the first value of a segment or box, by the text of its option if it has one."""
    for key in values.names():
        options = optional(attributes[key], 'options') if key in attributes.names() else None
        value = values[key].text()
        if options is not None and value in options.names():
            return options[value].text()
        return value
    return ''


def _box(entry: JsonNode, shape: list[float]) -> Box:
    if len(shape) != 5 or shape[0] != RECTANGLE:
        raise ValueError(f'{entry.where}.xy must be a rectangle [2, x, y, width, height]')
    _, x, y, width, height = shape
    return (x, y, x + width, y + height)


def _add(
    gathered: Gathered,
    spans: list[tuple[str, float, float]],
    boxes: list[tuple[str, float, Box, str]],
) -> None:
    for name, start, end in spans:
        inside = [(time, box) for query, time, box, _ in boxes if query == name]
        gathered.add(name, span_with_boxes(start, end, inside))
    for name, time, _, where in boxes:
        if not any(query == name and start <= time < end for query, start, end in spans):
            raise ValueError(
                f'{where}: the box at {time:g} s lies in no segment of {name!r}; draw one'
            )
