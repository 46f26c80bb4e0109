"""Writers of the files of GroundingYouTube, which ``stgr.datasets.GroundingYouTube`` reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stgr.io.atomic import write_atomically
from stgr.io.checked_json import format_json
from stgr.structures import BACKGROUND_NAME


@dataclass(frozen=True, slots=True)
class BoxedFrame:
    """The box of an action at a second: ``x1, y1, x2, y2`` in pixels of the boxes' frame."""

    second: int
    name: str
    box_px: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class NamedSegment:
    """A step from its first to its last second; ``index`` is its place in ``seg.json``."""

    index: int
    first_sec: int
    last_sec: int
    name: str


@dataclass(frozen=True, slots=True)
class MeanClick:
    """The mean of the clicks on a frame and their mean distance to it; None if nobody clicked."""

    second: int
    name: str
    point_px: tuple[float, float] | None
    mean_distance_px: float | None


@dataclass(frozen=True, slots=True)
class BenchmarkVideo:
    """All that the files say about one video.

    Args:
        video_id: Its name.
        native_size: Width and height of the frames of the video.
        frame_size: Width and height of the frame the boxes are measured in.
        duration_sec: Its length.
        boxes: At most one per second, in the order of time.
        segments: The steps as they were asked for.
        refined: The steps with refined boundaries.
        pool: Names of the actions asked for.
        clicks: The frames that somebody looked at.
    """

    video_id: str
    native_size: tuple[int, int]
    frame_size: tuple[int, int]
    duration_sec: float
    boxes: tuple[BoxedFrame, ...]
    segments: tuple[NamedSegment, ...]
    refined: tuple[NamedSegment, ...]
    pool: tuple[str, ...]
    clicks: tuple[MeanClick, ...]


def write_benchmark(folder: Path, videos: Sequence[BenchmarkVideo]) -> list[Path]:
    """Write a benchmark's files, each whole or not at all.

    * ``box_anno.json``: ``{video_id: [{"second", "box": [x1, y1, x2, y2], "step_name"}]}``, integer
      pixels of the frame of ``id2wh_new.json``;
    * ``seg.json``, ``ground_seg.json``: the steps as asked for and as refined, ``{video_id:
      [{"segment": [first, last], "id", "sentence"}]}``;
    * ``vid2step.json``: ``{video_id: [name, ..., "background"]}``;
    * ``id2wh.json``, ``id2wh_new.json``: ``{video_id: [W, H]}`` of the video and of the boxes;
    * ``durations.json``: ``{video_id: seconds}``, which spares opening the videos;
    * ``clicks_mean.json``: ``[{"image_url": "<video_id>/<video_id>_<second>_<step>.jpg", "x",
      "y", "mean_dist"}]``, null where nobody clicked.

    Source: benchmarks, 1.1 to 1.3.

    Returns:
        The files.
    """
    by_video = {video.video_id: video for video in videos}
    documents: dict[str, Any] = {
        'box_anno.json': {key: _boxes(video) for key, video in by_video.items()},
        'seg.json': {key: _segments(video.segments) for key, video in by_video.items()},
        'ground_seg.json': {key: _segments(video.refined) for key, video in by_video.items()},
        'vid2step.json': {key: [*video.pool, BACKGROUND_NAME] for key, video in by_video.items()},
        'id2wh.json': {key: list(video.native_size) for key, video in by_video.items()},
        'id2wh_new.json': {key: list(video.frame_size) for key, video in by_video.items()},
        'durations.json': {key: video.duration_sec for key, video in by_video.items()},
        'clicks_mean.json': [click for video in videos for click in _clicks(video)],
    }
    return [
        write_atomically(folder / name, (format_json(document) + '\n').encode())
        for name, document in documents.items()
    ]


def _boxes(video: BenchmarkVideo) -> list[dict[str, Any]]:
    return [
        {
            'second': boxed.second,
            'box': [round(side) for side in boxed.box_px],
            'step_name': boxed.name,
        }
        for boxed in video.boxes
    ]


def _segments(segments: Sequence[NamedSegment]) -> list[dict[str, Any]]:
    return [
        {
            'segment': [segment.first_sec, segment.last_sec],
            'id': segment.index,
            'sentence': segment.name,
        }
        for segment in segments
    ]


def _clicks(video: BenchmarkVideo) -> list[dict[str, Any]]:
    records = []
    for click in video.clicks:
        x, y = click.point_px or (None, None)
        image = f'{video.video_id}_{click.second}_{click.name.replace(" ", "_")}.jpg'
        name = f'{video.video_id}/{image}'  # an id may hold _ and digits: the folder tells it apart
        records.append({'image_url': name, 'x': x, 'y': y, 'mean_dist': click.mean_distance_px})
    return records
