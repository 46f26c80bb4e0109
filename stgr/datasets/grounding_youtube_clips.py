"""GroundingYouTube's single-action protocol: one step, with as much before and after it."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from stgr.datasets.grounding_youtube import GroundingYouTube
from stgr.datasets.grounding_youtube_files import Segment, read_segments
from stgr.datasets.near_names import near_names
from stgr.datasets.pipeline_dataset import PipelineDataset, Transform
from stgr.registry import DATASETS


@DATASETS.register_module()
class GroundingYouTubeClips(PipelineDataset):
    """One item per step [s, e] of L = e - s seconds: the window [s - L, e + L] around it.

    The only action asked for is the clip's own. True are the boxed seconds of that name inside
    [s, e]; all else in the window is background, another instance of the same action too. The
    window is closed at both ends and cut to the video. A clip without such a second is dropped and
    counted (130 of the 2,869 released ones).

    Source: appendix 9.2 of "What, When, and Where?" (CVPR 2024); the released list holds 2,869
    clips, the paper says 2,895.

    Items have the keys of ``GroundingYouTube``, cut to the window of T seconds, with

    * ``video_id``: ``<video>@<s>-<e>``, because each clip is scored as a video of its own;
    * ``source_video_id``: the video it is cut from, whose features are read;
    * ``window_sec``: first and last second of the window; ``frame_times_sec`` stays on the clock of
      the whole video;
    * ``pool``: the one action; ``segments``: the one step; ``clips``: the same as
      ``(first second, last second, action)``.

    Args:
        data_root: Folder that the other paths are relative to.
        clips: Steps, see ``read_segments``: ``ground_seg_3to20.json``, or ``ground_seg.json``,
            which gives the same clips.
        min_sec: Shortest L; shorter steps are left out and counted.
        max_sec: Longest L.
        pipeline: See ``PipelineDataset``.
        **videos: Further arguments of ``GroundingYouTube``; not ``pool``.

    Raises:
        FileNotFoundError: If an annotation or a video is missing (on first use).
        ValueError: If the files are malformed or disagree, or a clip comes twice.
    """

    def __init__(
        self,
        data_root: str,
        clips: str = 'ground_seg_3to20.json',
        *,
        min_sec: int = 3,
        max_sec: int = 20,
        pipeline: Sequence[dict | Transform] = (),
        **videos: Any,
    ) -> None:
        super().__init__(pipeline, test_mode=True)
        if 'pool' in videos:
            raise ValueError('the pool of a clip is its own action; leave pool out')
        if not 1 <= min_sec <= max_sec:
            raise ValueError(f'expected 1 <= min_sec <= max_sec, got {min_sec} and {max_sec}')
        self.clip_file = Path(data_root) / clips
        self.min_sec, self.max_sec = min_sec, max_sec
        self.source = GroundingYouTube(data_root, **videos)

    def full_init(self) -> None:
        """Read and check the annotations now; MMEngine calls this, else the first use does."""
        self.source.full_init()
        unknown = [video_id for video_id in self._listed if video_id not in self.source.boxes]
        if unknown:
            raise ValueError(
                f'{self.clip_file} has clips of video {unknown[0]!r}, which has no boxes; '
                f'{near_names(unknown[0], self.source.boxes)}'
            )

    @cached_property
    def _listed(self) -> dict[str, list[Segment]]:
        return read_segments(self.clip_file)

    @cached_property
    def _of_length(self) -> list[tuple[str, Segment]]:
        """Video and step of each clip of an allowed length, under the name of its class."""
        found: dict[str, tuple[str, Segment]] = {}
        for video_id, steps in self._listed.items():
            for step in steps:
                if self.min_sec <= step.last_sec - step.first_sec <= self.max_sec:
                    name = self.source.class_of(step.step_name)
                    clip = Segment(step.first_sec, step.last_sec, name)
                    if found.setdefault(_clip_id(video_id, step), (video_id, clip))[1] is not clip:
                        raise ValueError(
                            f'{self.clip_file}: clip {_clip_id(video_id, step)} comes twice'
                        )
        return list(found.values())

    @cached_property
    def clips(self) -> list[tuple[str, Segment]]:
        """Video and step of each clip that has a box of its own action, as ordered in the file."""
        self.full_init()
        return [clip for clip in self._of_length if _own_seconds(self.source, *clip)]

    @property
    def metainfo(self) -> dict[str, Any]:
        """Facts of the data set, and how many clips were left out for what reason."""
        listed = sum(len(steps) for steps in self._listed.values())
        return {
            **self.source.metainfo,
            'dataset_type': type(self).__name__,
            'pool': 'clip',
            'num_boxes': sum(len(_own_seconds(self.source, *clip)) for clip in self.clips),
            'num_clips': len(self.clips),
            'num_items': len(self.clips),
            'num_clips_listed': listed,
            'num_clips_of_other_length': listed - len(self._of_length),
            'num_clips_without_own_box': len(self._of_length) - len(self.clips),
        }

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, index: int) -> dict[str, Any]:
        video_id, step = self.clips[index]
        item = self.run_pipeline(self._clip(video_id, step), None)
        if item is None:
            raise ValueError(f'a transform could not use clip {_clip_id(video_id, step)!r}')
        return item

    def _clip(self, video_id: str, step: Segment) -> dict[str, Any]:
        video = self.source.video(video_id)
        length = step.last_sec - step.first_sec
        first = max(step.first_sec - length, 0)
        last = min(step.last_sec + length, len(video['labels']) - 1)
        inside = slice(first, last + 1)
        own = np.zeros(len(video['labels']), dtype=bool)
        own[_own_seconds(self.source, video_id, step)] = True
        own = own[inside]
        return {
            **video,
            'video_id': _clip_id(video_id, step),
            'source_video_id': video_id,
            'window_sec': (first, last),
            'frame_times_sec': video['frame_times_sec'][inside],
            'pool': [step.step_name],
            'unasked': [],
            'labels': [step.step_name if is_own else None for is_own in own],
            'gt_labels': np.where(own, 0, -1),
            'boxes_px': np.where(own[:, None], video['boxes_px'][inside], np.float32(0)),
            'boxes_flagged': video['boxes_flagged'][inside] & own,
            'eval_mask': video['eval_mask'][inside],
            'segments': [step],
            'clips': [(step.first_sec, step.last_sec, step.step_name)],
        }


def _clip_id(video_id: str, step: Segment) -> str:
    return f'{video_id}@{step.first_sec}-{step.last_sec}'


def _own_seconds(source: GroundingYouTube, video_id: str, step: Segment) -> list[int]:
    boxes = source.boxes[video_id]
    seconds = range(step.first_sec, step.last_sec + 1)
    return [s for s in seconds if s in boxes and boxes[s].step_name == step.step_name]
