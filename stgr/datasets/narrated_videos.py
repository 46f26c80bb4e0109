"""Whole narrated videos, with what is said at each second as a weak truth."""

import math
from collections.abc import Collection, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from stgr.datasets.near_names import near_names
from stgr.datasets.pipeline_dataset import Transform
from stgr.datasets.video_dataset import VideoDataset
from stgr.datasets.video_folder import VideoFolder
from stgr.io.captions import Caption, read_captions
from stgr.registry import DATASETS

# Nobody reads a box of it: with narrations, no place is known.
NO_FRAME_SIZE = (1, 1)


@DATASETS.register_module()
class NarratedVideos(VideoDataset):
    """One item per video: its seconds, its narrations as queries, and which one is being said.

    For choosing thresholds and comparing models where nobody has clicked anything. The truth is
    weak: a narrator speaks before or after the deed, and of things that are not shown. Items have
    the keys of ``GroundingYouTube``; ``pool`` holds the video's narrations, ``labels`` the one said
    in the middle of each second, ``boxes_px`` zeros.

    Args:
        data_root: Folder that the other paths are relative to.
        captions: Caption file, see ``read_captions``.
        videos_dir: Folder or list of the videos, see ``VideoFolder``; None: all from features.
        durations: JSON file ``{video_id: seconds}``; None: open the video for its length.
        max_videos: At most so many, evenly spread over the file.
        max_queries: At most so many narrations of a video, evenly spread; what is said in the
            seconds of the others does not count (``eval_mask``).
        leave_out: Videos that cannot be read.
        pipeline: See ``PipelineDataset``. Evaluation is deterministic: there is no ``rng``.

    Raises:
        FileNotFoundError: If the captions or a video are missing (on first use).
        ValueError: If a limit is below 1, or no video is left.
    """

    def __init__(
        self,
        data_root: str,
        captions: str,
        videos_dir: str | None = 'videos',
        *,
        durations: str | None = None,
        max_videos: int = 100,
        max_queries: int = 50,
        leave_out: Collection[str] = (),
        pipeline: Sequence[dict | Transform] = (),
    ) -> None:
        super().__init__(pipeline)
        if max_videos < 1 or max_queries < 1:
            raise ValueError(
                f'max_videos={max_videos} and max_queries={max_queries} must be at least 1'
            )
        root = Path(data_root)
        self.caption_file = root / captions
        self.videos = VideoFolder.below(root, videos_dir, durations)
        self.max_videos, self.max_queries = max_videos, max_queries
        self.leave_out = frozenset(leave_out)

    def full_init(self) -> None:
        """Read and check everything now; MMEngine calls this, else the first use does."""
        if not self.captions:
            raise ValueError(f'{self.caption_file}: no narrated video is left to use')
        self.videos.check(self.captions, max_missing=0)

    @cached_property
    def captions(self) -> dict[str, list[Caption]]:
        """Captions of the videos that are used."""
        found = {
            video_id: rows
            for video_id, rows in read_captions(self.caption_file).items()
            if rows and video_id not in self.leave_out
        }
        return {video_id: found[video_id] for video_id in _spread(list(found), self.max_videos)}

    @cached_property
    def video_ids(self) -> list[str]:
        """The videos, in the order of the file."""
        self.full_init()
        return list(self.captions)

    @property
    def metainfo(self) -> dict[str, Any]:
        """Facts of the data set for logs and checkpoints."""
        return {'dataset_type': type(self).__name__, 'num_videos': len(self.video_ids)}

    def video(self, video_id: str) -> dict[str, Any]:
        """Return the item of a video as it is before the pipeline.

        Raises:
            ValueError: If there is no such video; near ids are shown.
        """
        if video_id not in self.captions:
            raise ValueError(
                f'{self.caption_file} has no video {video_id!r}; '
                f'{near_names(video_id, self.captions)}'
            )
        rows = self.captions[video_id]
        duration_sec = self.videos.duration_sec(video_id)
        if duration_sec is None:
            duration_sec = max(caption.end_sec for caption in rows)
        said = _said_at(rows, max(1, math.ceil(duration_sec)))
        pool = _spread(sorted(set(said) - {None}) or [rows[0].text], self.max_queries)
        index = {name: position for position, name in enumerate(pool)}
        asked = [name if name in index else None for name in said]
        return {
            'video_id': video_id,
            'video_path': self.videos.path(video_id),
            'duration_sec': duration_sec,
            'frame_times_sec': np.arange(len(said), dtype=np.float64),
            'pool': pool,
            'labels': asked,
            'gt_labels': np.array([index.get(name, -1) for name in asked], dtype=np.int64),
            'boxes_px': np.zeros((len(said), 4), dtype=np.float32),
            'eval_mask': np.array([name is None or name in index for name in said]),
            'frame_size': NO_FRAME_SIZE,
        }


def _said_at(captions: Sequence[Caption], seconds: int) -> list[Any]:
    """Return what is said in the middle of each second, None in silence; the later of two."""
    said: list[str | None] = [None] * seconds
    for caption in captions:
        first, end = math.ceil(caption.start_sec - 0.5), math.ceil(caption.end_sec - 0.5)
        for second in range(max(0, first), min(end, seconds)):
            said[second] = caption.text
    return said


def _spread(names: list[Any], count: int) -> list[Any]:
    """Return ``count`` of the names, evenly spread over them; all if there are no more."""
    if len(names) <= count:
        return names
    return [names[i * len(names) // count] for i in range(count)]
