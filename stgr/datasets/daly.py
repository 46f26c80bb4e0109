"""DALY: ten daily actions in videos from YouTube, boxes on key frames."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from stgr.datasets.daly_files import DalyAnnotations, Keyframe, read_daly
from stgr.datasets.grounding_youtube_files import read_sizes
from stgr.datasets.keyed_frames import count_regions, framewise_truth
from stgr.datasets.near_names import near_names
from stgr.datasets.pipeline_dataset import Transform
from stgr.datasets.region_boxes import Regions, join_regions, merge_regions
from stgr.datasets.video_dataset import VideoDataset
from stgr.datasets.video_folder import VideoFolder
from stgr.registry import DATASETS

SPLITS = ('test', 'train', 'all')
POOLS = ('global', 'video')
REGIONS = ('human', 'human_object')


@DATASETS.register_module()
class DALY(VideoDataset):
    """One item per video and action, whose frames are the annotated key frames.

    A frame that several people of one action are annotated on is one frame with several boxes. An
    item per action, because a frame may show two actions at once.

    Items have the keys of ``framewise_truth`` and, as in ``GroundingYouTube``,

    * ``video_id``: ``<video>/<action>``, unique; ``source_video_id``: the video;
    * ``video_path``, ``duration_sec``: None if not known;
    * ``frame_times_sec`` (T,) float64: ascending; ``frame_idx`` (T,) int64, as the file counts;
    * ``spans_sec`` (N, 2) float64: begin and end of each time the action happens;
    * ``frame_size``: width and height in pixels that the boxes, published as shares of the frame,
      were multiplied with.

    Source: Weinzaepfel, Martin and Schmid, "Human action localization with sparse spatial
    supervision", 2016; 510 videos, 310 to train and 200 to test.

    Args:
        data_root: Folder that the other paths are relative to.
        split: ``'test'``, ``'train'`` or ``'all'``.
        annotations: The pickle, see ``read_daly``.
        regions: ``'human'``: the box of who acts, which is what is usually scored;
            ``'human_object'``: the boxes of the objects used too.
        sizes: JSON file ``{video_id: [W, H]}``; None: use ``frame_size``, or ask the videos.
        frame_size: Width and height for all videos, for predictions that are measured in one size.
        videos_dir: Folder of the videos; None: without.
        pool: ``'global'``: all ten actions; ``'video'``: those of the same video.
        pipeline: See ``PipelineDataset``. Evaluation is deterministic: there is no ``rng``.

    Raises:
        FileNotFoundError: If the annotations or a video are missing (on first use).
        ValueError: If the annotations are malformed, or nothing tells the size of a frame.
    """

    def __init__(
        self,
        data_root: str,
        split: str = 'test',
        *,
        annotations: str = 'daly1.1.0.pkl',
        regions: str = 'human',
        sizes: str | None = None,
        frame_size: tuple[int, int] | None = None,
        videos_dir: str | None = None,
        pool: str = 'global',
        pipeline: Sequence[dict | Transform] = (),
    ) -> None:
        super().__init__(pipeline)
        choices = (('split', split, SPLITS), ('pool', pool, POOLS), ('regions', regions, REGIONS))
        for option, value, known in choices:
            if value not in known:
                raise ValueError(f'{option}={value!r} is unknown; {near_names(value, known)}')
        if sizes is not None and frame_size is not None:
            raise ValueError('give sizes or frame_size, not both')
        if sizes is None and frame_size is None and videos_dir is None:
            raise ValueError(
                'the boxes of DALY are shares of the frame: give sizes, frame_size or videos_dir'
            )
        root = Path(data_root)
        self.file = root / annotations
        self.size_file = None if sizes is None else root / sizes
        self.videos = VideoFolder(None if videos_dir is None else root / videos_dir)
        self.split, self.pool, self.regions = split, pool, regions
        self.frame_size = None if frame_size is None else (int(frame_size[0]), int(frame_size[1]))

    def full_init(self) -> None:
        """Read and check the annotations now; MMEngine calls this, else the first use does."""
        self.videos.check(self._in_split, max_missing=0)

    @cached_property
    def _read(self) -> DalyAnnotations:
        return read_daly(self.file)

    @cached_property
    def _in_split(self) -> list[str]:
        unknown = [name for name in sorted(self._read.test_ids) if name not in self._read.videos]
        if unknown:
            raise ValueError(
                f'{self.file}: the test split names video {unknown[0]!r}, which has no '
                f'annotations; {near_names(unknown[0], self._read.videos)}'
            )
        wanted = {'test': (True,), 'train': (False,), 'all': (True, False)}[self.split]
        return [v for v in self._read.videos if (v in self._read.test_ids) in wanted]

    @cached_property
    def _keyframes(self) -> dict[tuple[str, str], dict[int, list[Keyframe]]]:
        """Annotations of each frame, in the order of time, by video and action."""
        found: dict[tuple[str, str], dict[int, list[Keyframe]]] = {}
        for video_id in self._in_split:
            for label, instances in self._read.videos[video_id].actions.items():
                frames = [frame for instance in instances for frame in instance.keyframes]
                for frame in sorted(frames, key=lambda frame: frame.time_sec):
                    by_frame = found.setdefault((video_id, label), {})
                    by_frame.setdefault(frame.frame_idx, []).append(frame)
        return found

    @cached_property
    def _sizes(self) -> dict[str, tuple[int, int]]:
        return {} if self.size_file is None else read_sizes(self.size_file)

    @cached_property
    def video_ids(self) -> list[str]:
        """The items, in the order of the file."""
        self.full_init()
        return [f'{video_id}/{label}' for video_id, label in self._keyframes]

    @property
    def metainfo(self) -> dict[str, Any]:
        """Facts of the data set for logs and reports."""
        regions = [r for video_id in self.video_ids for r in self._regions(video_id, (1, 1))]
        return {
            'dataset_type': type(self).__name__,
            'split': self.split,
            'num_videos': len(self._in_split),
            'num_items': len(self.video_ids),
            'pool': self.pool,
            **count_regions(regions),
        }

    def video(self, video_id: str) -> dict[str, Any]:
        """Return an item as it is before the pipeline.

        Raises:
            ValueError: If there is no such item; near ids are shown.
        """
        if video_id not in self.video_ids:
            raise ValueError(
                f'{self.file} has no {video_id!r}; {near_names(video_id, self.video_ids)}'
            )
        source_id, _, label = video_id.rpartition('/')
        source = self._read.videos[source_id]
        frames = self._keyframes[source_id, label]
        size = self._size(source_id)
        pool = self._read.labels if self.pool == 'global' else source.actions
        spans = [(one.begin_sec, one.end_sec) for one in source.actions[label]]
        regions = self._regions(video_id, size)
        return {
            'video_id': video_id,
            'source_video_id': source_id,
            'video_path': self.videos.path(source_id),
            'duration_sec': source.duration_sec or self.videos.duration_sec(source_id),
            'frame_idx': np.array(list(frames), dtype=np.int64),
            'frame_times_sec': np.array([same[0].time_sec for same in frames.values()]),
            'spans_sec': np.array(spans, dtype=np.float64),
            'frame_size': size,
            **framewise_truth([label] * len(frames), regions, sorted(pool)),
        }

    def _regions(self, video_id: str, size: tuple[int, int]) -> list[Regions]:
        source_id, _, label = video_id.rpartition('/')
        sides = np.array([*size, *size], dtype=np.float64)
        with_objects = self.regions == 'human_object'
        return [
            merge_regions(
                [
                    join_regions(
                        one.human * sides, (one.objects * sides)[: None if with_objects else 0]
                    )
                    for one in same
                ]
            )
            for same in self._keyframes[source_id, label].values()
        ]

    def _size(self, source_id: str) -> tuple[int, int]:
        if self.frame_size is not None:
            return self.frame_size
        if self.size_file is not None:
            if source_id not in self._sizes:
                raise ValueError(
                    f'{self.size_file} has no frame size of video {source_id!r}; '
                    f'{near_names(source_id, self._sizes)}'
                )
            return self._sizes[source_id]
        return self.videos.frame_size(source_id)
