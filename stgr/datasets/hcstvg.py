"""HC-STVG: sentences about one person among several in clips of 20 seconds."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from stgr.datasets.pipeline_dataset import Transform
from stgr.datasets.tube_queries import TubeQueries, TubeQuery, corners_from_sides
from stgr.io.checked_json import JsonNode, read_json
from stgr.registry import DATASETS

CLIP_SEC = 20.0


@DATASETS.register_module()
class HCSTVG(TubeQueries):
    """One item per video, which has one sentence; see ``TubeQueries`` for its keys.

    Reads the official files of both versions, ``{"video.mp4": {bbox: [[x, y, w, h]], st_frame,
    img_num, width, height, caption}}`` (2: ``img_size`` as height and width, ``English``), and
    TubeDETR's, ``[{original_video_id, frame_count, width, height, tube_start_frame, caption,
    trajectory}]``. All clips last 20 seconds, so a video of n frames has n / 20 per second.

    ``st_frame`` counts from 1. TubeDETR takes it for a number from 0, and so scores all boxes one
    frame late: ``first_frame=0`` reproduces that.

    Args:
        data_root: Folder that the other paths are relative to.
        annotations: The JSON file.
        videos_dir: Folder of the videos; None: without.
        first_frame: Number that the annotation gives to the first frame, 1 or 0.
        sample_fps: See ``TubeQueries``.
        max_frames: See ``TubeQueries``.
        pipeline: See ``PipelineDataset``.

    Raises:
        FileNotFoundError: If an annotation or a video is missing (on first use).
        ValueError: If the file is malformed; the field is named.
    """

    def __init__(
        self,
        data_root: str,
        annotations: str = 'test.json',
        *,
        videos_dir: str | None = None,
        first_frame: int = 1,
        sample_fps: float | None = 5.0,
        max_frames: int | None = 200,
        pipeline: Sequence[dict | Transform] = (),
    ) -> None:
        root = Path(data_root)
        super().__init__(
            None if videos_dir is None else root / videos_dir,
            sample_fps=sample_fps,
            max_frames=max_frames,
            kinds=('declarative',),
            pipeline=pipeline,
        )
        if first_frame not in (0, 1):
            raise ValueError(f'first_frame={first_frame} must be 1 (as annotated) or 0 (TubeDETR)')
        self.file = root / annotations
        self.first_frame = first_frame
        self._boxes: dict[str, np.ndarray] = {}

    def read_queries(self) -> list[TubeQuery]:
        """Read the file."""
        document = read_json(self.file)
        if isinstance(document.value, dict):
            entries = [(name, document[name]) for name in document.value]
        else:
            entries = [(entry['original_video_id'].text(), entry) for entry in document.items()]
        queries = [
            self._query(str(number), name, entry) for number, (name, entry) in enumerate(entries)
        ]
        names = [query.video_id for query in queries]
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            raise ValueError(f'{self.file}: video {twice[0]!r} comes twice')
        return queries

    def read_tube(self, query: TubeQuery) -> tuple[np.ndarray, np.ndarray]:
        """Return the boxes of a tube; all are known."""
        boxes = corners_from_sides(self._boxes[query.video_id])
        return boxes.astype(np.float32), np.ones(len(boxes), dtype=bool)

    def _query(self, number: str, name: str, node: JsonNode) -> TubeQuery:
        video_id = name.removesuffix('.mp4')
        boxes = _first_of(node, 'bbox', 'trajectory').array('float64', columns=4)
        self._boxes[video_id] = boxes
        start = _first_of(node, 'st_frame', 'tube_start_frame').integer() - self.first_frame
        num_frames = _first_of(node, 'img_num', 'frame_count').integer()
        try:
            return TubeQuery(
                query_id=number,
                video_id=video_id,
                sentence=_first_of(node, 'English', 'caption').text(),
                kind='declarative',
                tube_frames=(start, start + len(boxes)),
                clip_frames=(0, num_frames),
                fps=num_frames / CLIP_SEC,
                frame_size=_frame_size(node),
                target=video_id,
            )
        except ValueError as error:
            raise ValueError(f'{node.where}: {error}') from error


def _first_of(node: JsonNode, *keys: str) -> JsonNode:
    """Return the field that one version or another has; the first is named if none is there."""
    present = [key for key in keys if isinstance(node.value, dict) and key in node.value]
    return node[(present or keys)[0]]


def _frame_size(node: JsonNode) -> tuple[int, int]:
    if 'img_size' not in node.value:
        return node['width'].integer(), node['height'].integer()
    sides = [side.integer() for side in node['img_size'].items()]
    if len(sides) < 2:
        raise ValueError(f'{node.where}.img_size must be height and width, but is {sides}')
    return sides[1], sides[0]
