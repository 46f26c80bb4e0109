"""GroundingYouTube: untrimmed videos with an action name and a box per second."""

import difflib
import math
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from stgr.datasets.grounding_youtube_files import (
    BoxedSecond,
    Segment,
    read_boxes,
    read_pools,
    read_segments,
    read_sizes,
)
from stgr.datasets.pipeline_dataset import PipelineDataset, Transform
from stgr.datasets.video_folder import VideoFolder
from stgr.registry import DATASETS

POOLS = ('video', 'vid2step', 'global')


@DATASETS.register_module()
class GroundingYouTube(PipelineDataset):
    """One item per video: its seconds, the actions asked for, and what is true at each second.

    Before the pipeline an item is

    * ``video_id``, ``video_path`` (None without a folder of videos), ``duration_sec``;
    * ``frame_times_sec`` (T,) float64: the seconds 0, 1, ..., T-1;
    * ``pool``: names of the actions asked for, sorted, background not among them;
    * ``labels``: the name of the box's action at each second, None (background) without a box;
    * ``gt_labels`` (T,) int64: the same as index into the pool, -1 background, -2 an action that
      the pool lacks (possible with ``pool='vid2step'``: 2,660 seconds of the real files);
    * ``boxes_px`` (T, 4) float32: boxes in pixels of ``frame_size`` (W, H), zeros without a box;
    * ``segments``: the steps as annotated, and ``pad_sec``: seconds added after the last
      annotated one because the length of the video is not known, else None.

    T is the number of whole seconds before the end of the video, and at least enough for the
    last box: every box counts. No annotation tells the length of a video; without its file (or a
    durations file) T is the last annotated second plus ``pad_sec``.

    Args:
        data_root: Folder that the other paths are relative to.
        boxes: Boxes and labels, see ``read_boxes``.
        sizes: Evaluation frame of each video, see ``read_sizes``.
        segments: Steps, see ``read_segments``; None: do without.
        steps: Pools of ``pool='vid2step'``, see ``read_pools``.
        videos_dir: Folder of the videos; None: without videos, all from features.
        durations: JSON file ``{video_id: seconds}``; None: open the video for its length.
        pool: ``'video'``: the labels of the same video; ``'vid2step'``: those of the file
            ``steps``; ``'global'``: the labels of all videos.
        pad_sec: Seconds from the last annotated second to the assumed end of a video, >= 1.
        pipeline: See ``PipelineDataset``. Evaluation is deterministic: there is no ``rng``.

    Raises:
        FileNotFoundError: If an annotation or a video is missing (on first use).
        ValueError: If the files are malformed or disagree.
    """

    def __init__(
        self,
        data_root: str,
        boxes: str = 'box_anno.json',
        sizes: str = 'id2wh_new.json',
        *,
        segments: str | None = 'seg.json',
        steps: str = 'vid2step.json',
        videos_dir: str | None = 'videos',
        durations: str | None = None,
        pool: str = 'video',
        pad_sec: int = 7,
        pipeline: Sequence[dict | Transform] = (),
    ) -> None:
        super().__init__(pipeline, test_mode=True)
        if pool not in POOLS:
            near = difflib.get_close_matches(pool, POOLS, n=1) or POOLS
            raise ValueError(f'pool={pool!r} is unknown; did you mean {" or ".join(near)}?')
        if pad_sec < 1:
            raise ValueError(f'pad_sec={pad_sec} would cut the last annotated second; use >= 1')
        root = Path(data_root)
        self.box_file, self.size_file, self.step_file = root / boxes, root / sizes, root / steps
        self.segment_file = None if segments is None else root / segments
        self.videos = VideoFolder(
            None if videos_dir is None else root / videos_dir,
            None if durations is None else root / durations,
        )
        self.pool = pool
        self.pad_sec = pad_sec

    def full_init(self) -> None:
        """Read and check the annotations now; MMEngine calls this, else the first use does."""
        self.videos.check(self.boxes, max_missing=0)
        unsized = [video_id for video_id in self.boxes if video_id not in self.sizes]
        if unsized:
            raise ValueError(f'{self.size_file} has no frame size of video {unsized[0]!r}')
        unpooled = [video_id for video_id in self.boxes if video_id not in self.pools]
        if unpooled:
            raise ValueError(f'{self.step_file} has no steps of video {unpooled[0]!r}')

    @cached_property
    def boxes(self) -> dict[str, dict[int, BoxedSecond]]:
        """Boxes of each video by second."""
        return read_boxes(self.box_file)

    @cached_property
    def sizes(self) -> dict[str, tuple[int, int]]:
        """Width and height of the frame that the boxes of each video are measured in."""
        return read_sizes(self.size_file)

    @cached_property
    def segments(self) -> dict[str, list[Segment]]:
        """Steps of each video."""
        return {} if self.segment_file is None else read_segments(self.segment_file)

    @cached_property
    def pools(self) -> dict[str, list[str]]:
        """Actions asked for in each video, sorted."""
        if self.pool == 'vid2step':
            return read_pools(self.step_file)
        own = {
            video_id: sorted({boxed.step_name for boxed in boxes.values()})
            for video_id, boxes in self.boxes.items()
        }
        if self.pool == 'video':
            return own
        everything = sorted({name for names in own.values() for name in names})
        return dict.fromkeys(own, everything)

    @cached_property
    def video_ids(self) -> list[str]:
        """The videos, in the order of the box file."""
        self.full_init()
        return list(self.boxes)

    @property
    def metainfo(self) -> dict[str, Any]:
        """Facts of the data set for logs and checkpoints."""
        num_boxes = sum(len(boxes) for boxes in self.boxes.values())
        return {
            'dataset_type': type(self).__name__,
            'num_videos': len(self.video_ids),
            'num_boxes': num_boxes,
            'pool': self.pool,
        }

    def __len__(self) -> int:
        return len(self.video_ids)

    def __getitem__(self, index: int) -> dict[str, Any]:
        item = self.run_pipeline(self._video(self.video_ids[index]), None)
        if item is None:
            raise ValueError(f'a transform could not use video {self.video_ids[index]!r}')
        return item

    def _video(self, video_id: str) -> dict[str, Any]:
        boxes, pool = self.boxes[video_id], self.pools[video_id]
        seconds, duration_sec, pad_sec = self._length(video_id)
        boxes_px = np.zeros((seconds, 4), dtype=np.float32)
        labels: list[str | None] = [None] * seconds
        for second, boxed in boxes.items():
            boxes_px[second] = boxed.box_px
            labels[second] = boxed.step_name
        return {
            'video_id': video_id,
            'video_path': self.videos.path(video_id),
            'duration_sec': duration_sec,
            'pad_sec': pad_sec,
            'frame_times_sec': np.arange(seconds, dtype=np.float64),
            'pool': pool,
            'labels': labels,
            'gt_labels': _label_indices(labels, pool),
            'boxes_px': boxes_px,
            'frame_size': self.sizes[video_id],
            'segments': self.segments.get(video_id, []),
        }

    def _length(self, video_id: str) -> tuple[int, float, int | None]:
        """Return seconds to evaluate, seconds of the video, and seconds added by guess."""
        boxed = max(self.boxes[video_id], default=-1)
        duration_sec = self.videos.duration_sec(video_id)
        if duration_sec is not None:
            return max(math.ceil(duration_sec), boxed + 1), duration_sec, None
        last = max([boxed, 0, *(segment.last_sec for segment in self.segments.get(video_id, []))])
        return last + self.pad_sec, float(last + self.pad_sec), self.pad_sec


def _label_indices(labels: list[str | None], pool: list[str]) -> np.ndarray:
    index: dict[str | None, int] = {name: position for position, name in enumerate(pool)}
    index[None] = -1
    return np.array([index.get(label, -2) for label in labels], dtype=np.int64)
