"""Corrected answers back from other tools: as truth to score systems against.

What people corrected is truth, not the answer of a model: it has no model, no similarities and no
heat maps, so it does not become a result. It becomes the files that ``stgr annotate --merge`` makes
of clicks, which ``stgr evaluate --protocol grounding_youtube`` and the data set
``GroundingYouTube`` read, with ``answers.json`` beside them, which keeps every digit.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stgr.annotation.benchmark_files import (
    BenchmarkVideo,
    BoxedFrame,
    NamedSegment,
    write_benchmark,
)
from stgr.io.atomic import write_atomically
from stgr.io.formats import KnownVideos, find_format, own_json
from stgr.structures import BACKGROUND_NAME
from stgr.structures.video_answers import QuerySpan, VideoAnswers

ANSWERS_FILE = 'answers.json'


@dataclass(frozen=True)
class ImportReport:
    """What an import found.

    Args:
        videos: The answers.
        num_spans: Their spans.
        num_boxes: Boxes written, one per second.
        num_shared: Seconds of a box that went to an earlier action.
        num_unboxed: Seconds of a span that has no boxes at all.
        num_short: Spans that lie between two seconds.
    """

    videos: tuple[VideoAnswers, ...]
    num_spans: int
    num_boxes: int
    num_shared: int
    num_unboxed: int
    num_short: int


def import_answers(
    files: Sequence[Path],
    source: str,
    out_dir: Path,
    *,
    known: KnownVideos | None = None,
    overwrite: bool = False,
) -> ImportReport:
    """Read files of another tool and write them as ground truth.

    Truth is looked at in whole seconds: a span is those inside it, and one between two seconds is
    in ``answers.json`` only. Each second gets the box between the neighbouring key frames, on a
    straight line. A second has one box: that of the first action in the file.

    Args:
        files: What the other tool wrote.
        source: Name of its format.
        out_dir: Folder to write to; made if need be.
        known: Facts of the videos, where the files do not hold them.
        overwrite: Whether to replace truth that is there.

    Raises:
        ValueError: If the format is unknown, a file is broken, a video comes twice, an action is
            called background, or size and length of a video are not known.
        FileNotFoundError: If a file is missing.
        FileExistsError: If there is truth in the folder and ``overwrite`` is False.
    """
    kind, known = find_format(source), known or KnownVideos()
    for file in files:
        if not file.exists():
            raise FileNotFoundError(f'no such file: {file}')
    videos = tuple(answers for file in files for answers in kind.read(file, known))
    names = [answers.video_id for answers in videos]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f'{", ".join(twice)}: a video comes twice; give each once')
    left_out = Counter[str]()
    benchmark = [_benchmark_video(answers, left_out) for answers in videos]
    target = out_dir / ANSWERS_FILE
    if not overwrite and (target.exists() or (out_dir / 'box_anno.json').exists()):
        raise FileExistsError(f'{out_dir} holds annotations; give --overwrite or another --out')
    out_dir.mkdir(parents=True, exist_ok=True)
    write_benchmark(out_dir, benchmark)
    write_atomically(target, own_json.write(videos, known))
    return ImportReport(
        videos,
        sum(len(answer.spans) for answers in videos for answer in answers.queries),
        sum(len(video.boxes) for video in benchmark),
        left_out['shared'],
        left_out['unboxed'],
        left_out['short'],
    )


def _benchmark_video(answers: VideoAnswers, left_out: Counter[str]) -> BenchmarkVideo:
    """Return the truth of one video; add what it cannot hold to ``left_out``."""
    if answers.width is None or answers.height is None or answers.duration_sec is None:
        raise ValueError(
            f'{answers.video}: its size and length are not known; give the video with --video'
        )
    boxes: dict[int, BoxedFrame] = {}
    segments: list[NamedSegment] = []
    for answer in answers.queries:
        if answer.query == BACKGROUND_NAME:
            raise ValueError(f'{answers.video}: an action cannot be called {BACKGROUND_NAME!r}')
        for span in answer.spans:
            seconds = whole_seconds(span)
            if not seconds:
                left_out['short'] += 1
                continue
            segments.append(NamedSegment(len(segments), seconds[0], seconds[-1], answer.query))
            if not span.visible.any():
                left_out['unboxed'] += len(seconds)
                continue
            for second in seconds:
                left_out['shared'] += second in boxes
                box = box_between(span, second)
                boxes.setdefault(second, BoxedFrame(second, answer.query, box))
    size, spans = (answers.width, answers.height), tuple(segments)
    pool = tuple(answer.query for answer in answers.queries)
    return BenchmarkVideo(
        answers.video_id,
        native_size=size,
        frame_size=size,
        duration_sec=answers.duration_sec,
        boxes=tuple(boxes[second] for second in sorted(boxes)),
        segments=spans,
        refined=spans,
        pool=pool,
        clicks=(),
    )


def whole_seconds(span: QuerySpan) -> range:
    """Return the whole seconds inside a span, which is half-open; there may be none.

    >>> list(whole_seconds(QuerySpan(1.2, 4.0))), list(whole_seconds(QuerySpan(1.2, 1.6)))
    ([2, 3], [])
    """
    return range(int(np.ceil(span.start_sec)), int(np.ceil(span.end_sec)))


def box_between(span: QuerySpan, time_sec: float) -> tuple[float, float, float, float]:
    """Return the box of a span at a time: on a straight line between its visible neighbours.

    Before the first and after the last visible box it is that box.
    """
    times, boxes = span.times_sec[span.visible], span.boxes_px[span.visible]
    x1, y1, x2, y2 = (float(np.interp(time_sec, times, side)) for side in boxes.T)
    return x1, y1, x2, y2
