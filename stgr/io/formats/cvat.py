"""CVAT for video 1.1: a track per span, with key frames.

Frames count from 0; a track ends where a box is ``outside``, else with the video. Between key
frames CVAT draws straight lines. Labels of the task are all that was asked, so a label without a
track was not found. A track needs boxes: a span without any gets one as large as the frame, which
is read as none.

Source: CVAT's XML annotation format, version 1.1, interpolation mode.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from xml.etree import ElementTree as Tree

from stgr.io.formats.frame_clock import FrameClock
from stgr.io.formats.framed_spans import FramedSpan, frame_span, span_of_frames
from stgr.io.formats.gathering import Box, Gathered, located
from stgr.io.formats.known_videos import KnownVideos
from stgr.structures.video_answers import VideoAnswers

_SIDES = ('xtl', 'ytl', 'xbr', 'ybr')


def write(videos: Sequence[VideoAnswers], known: KnownVideos) -> bytes:
    """Return the file of one video; coordinates have two decimals, as CVAT's own.

    Raises:
        ValueError: If size, rate or length of the video is not known.
    """
    (answers,) = videos
    if answers.width is None or answers.height is None:
        raise ValueError(f'{answers.video}: its size is not known; give the video with --video')
    clock = known.clock(answers)
    root = Tree.Element('annotations')
    Tree.SubElement(root, 'version').text = '1.1'
    _add_meta(root, answers, clock)
    tracks = [
        (answer.query, frame_span(span, clock))
        for answer in answers.queries
        for span in answer.spans
    ]
    for number, (query, framed) in enumerate(tracks):
        track = Tree.SubElement(root, 'track', id=str(number), label=query, source='auto')
        keys = framed.key_frames() or {framed.first: (0, 0, answers.width, answers.height)}
        for frame, box in keys.items():
            _add_box(track, frame, box, outside=False)
        if framed.stop < clock.num_frames:
            _add_box(track, framed.stop, next(reversed(keys.values())), outside=True)
    Tree.indent(root)
    return Tree.tostring(root, encoding='utf-8', xml_declaration=True) + b'\n'


def _add_meta(root: Tree.Element, answers: VideoAnswers, clock: FrameClock) -> None:
    meta = Tree.SubElement(root, 'meta')
    task = Tree.SubElement(meta, 'task')
    texts = {
        'name': answers.video_id,
        'size': str(clock.num_frames),
        'mode': 'interpolation',
        'overlap': '0',
        'flipped': 'False',
    }
    for name, text in texts.items():
        Tree.SubElement(task, name).text = text
    labels = Tree.SubElement(task, 'labels')
    for answer in answers.queries:
        label = Tree.SubElement(labels, 'label')
        Tree.SubElement(label, 'name').text = answer.query
        Tree.SubElement(label, 'attributes')
    size = Tree.SubElement(task, 'original_size')
    Tree.SubElement(size, 'width').text = str(answers.width)
    Tree.SubElement(size, 'height').text = str(answers.height)
    Tree.SubElement(meta, 'source').text = answers.video


def _add_box(track: Tree.Element, frame: int, box: Box, *, outside: bool) -> None:
    flags = {'frame': str(frame), 'outside': str(int(outside))}
    sides = {name: f'{side:.2f}' for name, side in zip(_SIDES, box, strict=True)}
    fixed = {'occluded': '0', 'keyframe': '1', 'z_order': '0'}
    Tree.SubElement(track, 'box', {**flags, **fixed, **sides})


def read(path: Path, known: KnownVideos) -> list[VideoAnswers]:
    """Read the annotations of a task; the rate is not in the file, but that of the video or given.

    A track that goes outside and comes back is several spans.

    Raises:
        ValueError: If it is no XML of a video task, or the rate is not known.
    """
    root = _parse(path)
    task = root.find('meta/task')
    if task is None:
        raise ValueError(f'{path}: no meta/task; export the task, not the project')
    video = root.findtext('meta/source') or ''
    with located(str(path)):
        width = _number(task.findtext('original_size/width'), 'original_size/width')
        height = _number(task.findtext('original_size/height'), 'original_size/height')
        num_frames = int(_number(task.findtext('size'), 'size'))
        length = num_frames / known.fps if known.fps else None
        name = video or known.name_of(path)
        facts = known.complete(VideoAnswers(name, (), int(width), int(height), length, known.fps))
        clock = known.clock(facts)
        gathered = Gathered(facts)
        for label in task.iterfind('labels/label/name'):
            gathered.ask(label.text or '')
        for track in root.iterfind('track'):
            for framed in _runs(track, num_frames, (0.0, 0.0, width, height)):
                gathered.add(track.get('label') or '', span_of_frames(framed, clock))
    return [known.complete(gathered.answers())]


def _parse(path: Path) -> Tree.Element:
    content = path.read_bytes()
    if b'<!DOCTYPE' in content or b'<!ENTITY' in content:
        raise ValueError(f'{path}: CVAT writes no document type; this file is not from there')
    try:
        root = Tree.fromstring(content)
    except Tree.ParseError as error:
        raise ValueError(f'{path}: broken XML: {error}') from error
    if root.tag != 'annotations':
        raise ValueError(f'{path}: expected <annotations>, but got <{root.tag}>')
    return root


def _runs(track: Tree.Element, num_frames: int, whole: Box) -> Iterable[FramedSpan]:
    boxes: dict[int, Box] = {}
    first = None
    for box in sorted(track.iterfind('box'), key=lambda box: int(_attribute(box, 'frame'))):
        frame = int(_attribute(box, 'frame'))
        if box.get('outside') == '1':
            if first is not None and frame > first:
                yield FramedSpan(first, frame, boxes)
            first, boxes = None, {}
            continue
        first = frame if first is None else first
        if box.get('keyframe', '1') == '1' or frame == first:
            x1, y1, x2, y2 = (_attribute(box, side) for side in _SIDES)
            if (x1, y1, x2, y2) != whole:
                boxes[frame] = (x1, y1, x2, y2)
    if first is not None:
        yield FramedSpan(first, max(num_frames, first + 1), boxes)


def _attribute(box: Tree.Element, name: str) -> float:
    return _number(box.get(name), f'{name} of a box')


def _number(text: str | None, what: str) -> float:
    try:
        return float(text or '')
    except ValueError as error:
        raise ValueError(f'{what} must be a number, but is {text!r}') from error
