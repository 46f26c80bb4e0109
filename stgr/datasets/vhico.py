"""V-HICO: humans and the objects they handle, on single frames of short videos."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from stgr.datasets.keyed_frames import count_regions, framewise_truth
from stgr.datasets.near_names import near_names
from stgr.datasets.pipeline_dataset import Transform
from stgr.datasets.vhico_files import SPLITS, AnnotatedImage, read_vhico
from stgr.datasets.video_dataset import VideoDataset
from stgr.datasets.video_folder import VideoFolder
from stgr.registry import DATASETS

POOLS = ('video', 'global')


@DATASETS.register_module()
class VHICO(VideoDataset):
    """One item per action and video, whose frames are the annotated images.

    Items have the keys of ``framewise_truth`` and, as in ``GroundingYouTube``,

    * ``video_id``: ``<action>/<video>``, unique; ``source_video_id``: the video;
    * ``video_path``, ``duration_sec``: None without a folder of videos;
    * ``image_paths``: the annotated images; ``frame_idx`` (T,) int64: their numbers;
    * ``frame_times_sec`` (T,) float64: ``frame_idx / fps``. The annotations hold no times; images
      are named by frames of videos that their authors resampled to 30 per second;
    * ``frame_size``: width and height of the frame that the boxes are measured in.

    Source: Li et al., "Weakly supervised human-object interaction detection in video via
    contrastive spatiotemporal regions", ICCV 2021; the ground truth of the phrase task is the union
    of the boxes.

    Args:
        data_root: Folder that the other paths are relative to.
        split: ``'test'`` or ``'unseen'`` (actions not seen in training).
        boxes: Pickle of boxes, see ``read_vhico``; None: ``gt_bbox_<split>.json``.
        images_dir: Put before the paths of images.
        videos_dir: Folder of the videos; None: without.
        pool: ``'video'``: the labels of the item; ``'global'``: those of all items.
        fps: Frames per second of the videos the images were taken from.
        pipeline: See ``PipelineDataset``. Evaluation is deterministic: there is no ``rng``.

    Raises:
        FileNotFoundError: If the annotations or a video are missing (on first use).
        ValueError: If the annotations are malformed.
    """

    def __init__(
        self,
        data_root: str,
        split: str = 'test',
        *,
        boxes: str | None = None,
        images_dir: str = '',
        videos_dir: str | None = None,
        pool: str = 'video',
        fps: float = 30.0,
        pipeline: Sequence[dict | Transform] = (),
    ) -> None:
        super().__init__(pipeline)
        for option, value, known in (('split', split, SPLITS), ('pool', pool, POOLS)):
            if value not in known:
                raise ValueError(f'{option}={value!r} is unknown; {near_names(value, known)}')
        if not fps > 0:
            raise ValueError(f'fps={fps} must be > 0')
        root = Path(data_root)
        self.box_file = root / (boxes or f'gt_bbox_{split}.json')
        self.images_dir = root / images_dir
        self.videos = VideoFolder(None if videos_dir is None else root / videos_dir)
        self.split, self.pool, self.fps = split, pool, fps

    def full_init(self) -> None:
        """Read and check the annotations now; MMEngine calls this, else the first use does."""
        self.videos.check({video for _, video in self._annotated}, max_missing=0)

    @cached_property
    def _annotated(self) -> dict[tuple[str, str], list[AnnotatedImage]]:
        read = read_vhico(self.box_file, self.split)
        return {key: images for key, images in read.items() if images}

    @cached_property
    def video_ids(self) -> list[str]:
        """The items, in the order of the file."""
        self.full_init()
        return [f'{action}/{video}' for action, video in self._annotated]

    @cached_property
    def _everything(self) -> list[str]:
        return sorted({image.label for images in self._annotated.values() for image in images})

    @property
    def metainfo(self) -> dict[str, Any]:
        """Facts of the data set for logs and reports."""
        images = [image for images in self._annotated.values() for image in images]
        return {
            'dataset_type': type(self).__name__,
            'split': self.split,
            'num_videos': len(self.video_ids),
            'num_classes': len(self._everything),
            'pool': self.pool,
            **count_regions([image.regions for image in images]),
        }

    def video(self, video_id: str) -> dict[str, Any]:
        """Return an item as it is before the pipeline.

        Raises:
            ValueError: If there is no such item; near ids are shown.
        """
        if video_id not in self.video_ids:
            raise ValueError(
                f'{self.box_file} has no {video_id!r}; {near_names(video_id, self.video_ids)}'
            )
        action, _, source_id = video_id.partition('/')
        images = self._annotated[action, source_id]
        labels = [image.label for image in images]
        pool = sorted(set(labels)) if self.pool == 'video' else self._everything
        frame_idx = np.array([image.frame_idx for image in images], dtype=np.int64)
        return {
            'video_id': video_id,
            'source_video_id': source_id,
            'video_path': self.videos.path(source_id),
            'duration_sec': self.videos.duration_sec(source_id),
            'image_paths': [str(self.images_dir / image.path) for image in images],
            'frame_idx': frame_idx,
            'frame_times_sec': frame_idx / self.fps,
            'frame_size': images[0].frame_size,
            **framewise_truth(labels, [image.regions for image in images], pool),
        }
