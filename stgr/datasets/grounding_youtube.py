"""GroundingYouTube: untrimmed videos with an action name and a box per second."""

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from stgr.datasets.class_merging import NameMap, class_map
from stgr.datasets.grounding_youtube_files import (
    Segment,
    read_boxes,
    read_pools,
    read_segments,
    read_sizes,
)
from stgr.datasets.grounding_youtube_ignored import counted_seconds
from stgr.datasets.grounding_youtube_repair import Boxes, Repair, read_clicks, repair_boxes
from stgr.datasets.near_names import near_names
from stgr.datasets.pipeline_dataset import Transform
from stgr.datasets.video_dataset import VideoDataset
from stgr.datasets.video_folder import VideoFolder
from stgr.registry import DATASETS

POOLS = ('video', 'vid2step', 'global')
UNLABELLED = ('background', 'ignore')
# Names of the released sets of boxes: at least 3 of 5 annotators clicked (17,316 boxes, the set the
# paper describes), at least one did in the second round (17,506), at least one in either (21,719).
BOX_FILES = {
    'agree': 'box_anno.json',
    'any_click': 'id2xy_box.json',
    'all': 'id2xy_box_new_s.json',
}
# Seconds whose frame would lie before the video see its first one, at times that still ascend.
HAIR_SEC = 1e-9


@DATASETS.register_module()
class GroundingYouTube(VideoDataset):
    """One item per video: its seconds, the actions asked for, and what is true at each second.

    Before the pipeline an item is

    * ``video_id``, ``video_path`` (None without a folder of videos), ``duration_sec``;
    * ``frame_times_sec`` (T,) float64: when the frames of the seconds 0, 1, ..., T-1 are shown;
    * ``pool``: names of the actions asked for, sorted, background not among them;
    * ``labels``: the name of the box's action at each second, None (background) without a box;
    * ``unasked``: names of true actions that the pool lacks, sorted (with ``pool='vid2step'`` those
      of 2,660 seconds of the real files, else none);
    * ``gt_labels`` (T,) int64: the labels as index into ``pool + unasked``, -1 background;
    * ``boxes_px`` (T, 4) float32: boxes in pixels of ``frame_size`` (W, H), zeros without a box;
    * ``boxes_flagged`` (T,) bool: boxes that ``repair`` knows to be cut but could not mend;
    * ``eval_mask`` (T,) bool: seconds that count, all without ``unlabelled='ignore'``;
    * ``segments``: the steps as annotated, and ``pad_sec``: seconds added after the last
      annotated one because the length of the video is not known, else None.

    T is the number of whole seconds before the end of the video, and at least enough for the
    last box: every box counts. No annotation tells the length of a video; without its file (or a
    durations file) T is the last annotated second plus ``pad_sec``.

    Args:
        data_root: Folder that the other paths are relative to.
        boxes: A name of ``BOX_FILES`` or a file of boxes, see ``read_boxes``.
        sizes: Evaluation frame of each video, see ``read_sizes``.
        segments: Steps, see ``read_segments``; None: do without. A warning counts the videos that
            the file lacks.
        steps: Pools of ``pool='vid2step'``, see ``read_pools``.
        videos_dir: Folder of the videos; None: without videos, all from features.
        durations: JSON file ``{video_id: seconds}``; None: open the video for its length.
        pool: ``'video'``: the labels of the same video; ``'vid2step'``: those of the file
            ``steps``; ``'global'``: the labels of all videos.
        classes: Names that become one class, see ``class_map``: ``'canonical512'`` for the classes
            of MiningYouTube; None: the names as released. Boxes, pools and segments are renamed
            alike.
        repair: Undo the exchanged clip limits of the boxes, see ``repair_boxes``; published scores
            use them as released.
        clicks: Clicks for the repair, see ``read_clicks``; None: boxes cut at x2 = 480 stay.
        unlabelled: What seconds inside a step but without a box are: ``'background'`` (majority
            voting says so) or ``'ignore'``, not counted.
        untrimmed: Steps as first annotated, in the format of ``segments``, for
            ``unlabelled='ignore'``: what ``seg.json`` trimmed off long steps is then ignored too.
            None: the steps of ``segments``.
        second_offset: The frame of second s is the one shown at s + this: 0 as in the authors'
            loader, -1 for image files counted from 1.
        pad_sec: Seconds from the last annotated second to the assumed end of a video, >= 1.
        pipeline: See ``PipelineDataset``. Evaluation is deterministic: there is no ``rng``.

    Raises:
        FileNotFoundError: If an annotation or a video is missing (on first use).
        ValueError: If the files are malformed or disagree.
    """

    def __init__(
        self,
        data_root: str,
        boxes: str = 'agree',
        sizes: str = 'id2wh_new.json',
        *,
        segments: str | None = 'seg.json',
        steps: str = 'vid2step.json',
        videos_dir: str | None = 'videos',
        durations: str | None = None,
        pool: str = 'video',
        classes: str | Mapping[str, str] | Callable[[str], str] | None = None,
        repair: bool = False,
        clicks: str | None = None,
        unlabelled: str = 'background',
        untrimmed: str | None = None,
        second_offset: float = 0.0,
        pad_sec: int = 7,
        pipeline: Sequence[dict | Transform] = (),
    ) -> None:
        super().__init__(pipeline)
        _check_choice('pool', pool, POOLS)
        _check_choice('unlabelled', unlabelled, UNLABELLED)
        if pad_sec < 1:
            raise ValueError(f'pad_sec={pad_sec} would cut the last annotated second; use >= 1')
        if clicks is not None and not repair:
            raise ValueError(f'clicks={clicks!r} serve the repair only; set repair=True')
        if untrimmed is not None and unlabelled != 'ignore':
            raise ValueError("untrimmed steps serve unlabelled='ignore' only")
        if not boxes.endswith('.json'):
            _check_choice('boxes', boxes, tuple(BOX_FILES))
        root = Path(data_root)
        self.box_file = root / BOX_FILES.get(boxes, boxes)
        self.size_file, self.step_file = root / sizes, root / steps
        self.segment_file = None if segments is None else root / segments
        self.untrimmed_file = None if untrimmed is None else root / untrimmed
        self.click_file = None if clicks is None else root / clicks
        self.videos = VideoFolder.below(root, videos_dir, durations)
        self.pool = pool
        self.classes, self.data_root = classes, root
        self.repair = repair
        self.unlabelled = unlabelled
        self.second_offset = second_offset
        self.pad_sec = pad_sec

    def full_init(self) -> None:
        """Read and check the annotations now; MMEngine calls this, else the first use does."""
        self.videos.check(self.boxes, max_missing=0)
        unpooled = [video_id for video_id in self.boxes if video_id not in self.pools]
        if unpooled:
            raise ValueError(
                f'{self.step_file} has no steps of video {unpooled[0]!r}; '
                f'{near_names(unpooled[0], self.pools)}'
            )
        self._check_segments()

    def _check_segments(self) -> None:
        """Tell of videos without steps; refuse them where the steps decide what counts."""
        lacking = [video_id for video_id in self.boxes if video_id not in self.segments]
        if self.segment_file is None or not lacking:
            return
        message = (
            f'{self.segment_file} has no segments of {len(lacking)} of {len(self.boxes)} videos, '
            f'such as {lacking[0]!r}'
        )
        if self.unlabelled == 'ignore' and self.untrimmed_file is None:
            raise ValueError(f"{message}; unlabelled='ignore' needs them of every video")
        warnings.warn(f'{message}; their steps are not known', stacklevel=2)

    @cached_property
    def class_of(self) -> NameMap:
        """The function from the name of an action to that of its class."""
        return class_map(self.classes, self.data_root)

    @cached_property
    def boxes(self) -> Boxes:
        """Boxes of each video by second, repaired and renamed as asked."""
        return {
            video_id: {
                second: replace(boxed, step_name=self.class_of(boxed.step_name))
                for second, boxed in seconds.items()
            }
            for video_id, seconds in self.repaired.boxes.items()
        }

    @cached_property
    def repaired(self) -> Repair:
        """Boxes under their released names, and what the repair did; all 0 without repair."""
        # Where there are no boxes, it is their file that is missed first.
        steps = self._released_segments if self.box_file.is_file() else None
        released = read_boxes(self.box_file, steps)
        unsized = [video_id for video_id in released if video_id not in self.sizes]
        if unsized:
            raise ValueError(
                f'{self.size_file} has no frame size of video {unsized[0]!r}; '
                f'{near_names(unsized[0], self.sizes)}'
            )
        if not self.repair:
            return Repair.none(released)
        clicks = {} if self.click_file is None else read_clicks(self.click_file)
        return repair_boxes(released, self.sizes, clicks)

    @cached_property
    def sizes(self) -> dict[str, tuple[int, int]]:
        """Width and height of the frame that the boxes of each video are measured in."""
        return read_sizes(self.size_file)

    @cached_property
    def segments(self) -> dict[str, list[Segment]]:
        """Steps of each video."""
        return {
            video_id: [replace(step, step_name=self.class_of(step.step_name)) for step in steps]
            for video_id, steps in self._released_segments.items()
        }

    @cached_property
    def _released_segments(self) -> dict[str, list[Segment]]:
        return {} if self.segment_file is None else read_segments(self.segment_file)

    @cached_property
    def _steps_without_boxes(self) -> dict[str, list[Segment]]:
        """Steps whose seconds without a box do not count."""
        if self.unlabelled == 'background':
            return {}
        return self.segments if self.untrimmed_file is None else read_segments(self.untrimmed_file)

    @cached_property
    def pools(self) -> dict[str, list[str]]:
        """Actions asked for in each video, sorted."""
        if self.pool == 'vid2step':
            return {
                video_id: sorted({self.class_of(name) for name in names})
                for video_id, names in read_pools(self.step_file).items()
            }
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
            **self.repaired.counts,
        }

    def video(self, video_id: str) -> dict[str, Any]:
        """Return the item of a video as it is before the pipeline.

        Raises:
            ValueError: If there is no such video; near ids are shown.
        """
        if video_id not in self.boxes:
            raise ValueError(
                f'{self.box_file} has no video {video_id!r}; {near_names(video_id, self.boxes)}'
            )
        boxes, pool = self.boxes[video_id], self.pools[video_id]
        seconds, duration_sec, pad_sec = self._length(video_id)
        boxes_px = np.zeros((seconds, 4), dtype=np.float32)
        flagged = np.zeros(seconds, dtype=bool)
        labels: list[str | None] = [None] * seconds
        for second, boxed in boxes.items():
            flagged[second] = (video_id, second) in self.repaired.flagged
            boxes_px[second] = boxed.box_px
            labels[second] = boxed.step_name
        unasked = sorted({name for name in labels if name is not None} - set(pool))
        return {
            'video_id': video_id,
            'video_path': self.videos.path(video_id),
            'duration_sec': duration_sec,
            'pad_sec': pad_sec,
            'frame_times_sec': _shown_at(seconds, self.second_offset),
            'pool': pool,
            'unasked': unasked,
            'labels': labels,
            'gt_labels': _label_indices(labels, [*pool, *unasked]),
            'boxes_px': boxes_px,
            'boxes_flagged': flagged,
            'eval_mask': counted_seconds(
                seconds, boxes, self._steps_without_boxes.get(video_id, [])
            ),
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


def _label_indices(labels: list[str | None], names: list[str]) -> np.ndarray:
    index: dict[str | None, int] = {name: position for position, name in enumerate(names)}
    index[None] = -1
    return np.array([index[label] for label in labels], dtype=np.int64)


def _shown_at(seconds: int, offset_sec: float) -> np.ndarray:
    times_sec = np.arange(seconds, dtype=np.float64) + offset_sec
    before = times_sec < 0
    times_sec[before] = HAIR_SEC * (np.arange(before.sum()) - before.sum())
    return times_sec


def _check_choice(option: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(f'{option}={value!r} is unknown; {near_names(value, known)}')
