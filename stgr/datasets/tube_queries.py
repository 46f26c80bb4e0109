"""Sentences that each describe one tube of a video: what VidSTG and HC-STVG share."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from stgr.datasets.near_names import near_names
from stgr.datasets.pipeline_dataset import PipelineDataset, Transform
from stgr.datasets.video_folder import VideoFolder

KINDS = ('declarative', 'interrogative')


@dataclass(frozen=True)
class TubeQuery:
    """A sentence and when what it describes is seen; frames count from 0, intervals are half-open.

    Args:
        query_id: Position in the file, as text: what published predictions are keyed by.
        video_id: The video.
        sentence: What is asked for.
        kind: ``'declarative'`` or ``'interrogative'``.
        tube_frames: First frame of the tube and the one after its last.
        clip_frames: The part of the video that is given.
        fps: Frames per second of the annotated video.
        frame_size: Width and height of its frames, pixels.
        target: What the reader finds the boxes by.

    Raises:
        ValueError: If the tube is empty or outside the clip, or a number is out of range.
    """

    query_id: str
    video_id: str
    sentence: str
    kind: str
    tube_frames: tuple[int, int]
    clip_frames: tuple[int, int]
    fps: float
    frame_size: tuple[int, int]
    target: str

    def __post_init__(self) -> None:
        (start, end), (clip_start, clip_end) = self.tube_frames, self.clip_frames
        if not (0 <= start < end and 0 <= clip_start < end and start < clip_end):
            raise ValueError(
                f'query {self.query_id} of video {self.video_id!r}: the tube {self.tube_frames} '
                f'must hold frames of the clip {self.clip_frames}'
            )
        if not self.fps > 0 or min(self.frame_size) < 1:
            raise ValueError(
                f'query {self.query_id} of video {self.video_id!r}: expected fps > 0 and a frame, '
                f'got {self.fps} and {self.frame_size}'
            )

    @property
    def is_past_clip(self) -> bool:
        """Whether the tube begins before the clip or ends after it; only what is inside counts."""
        (start, end), (clip_start, clip_end) = self.tube_frames, self.clip_frames
        return start < clip_start or end > clip_end


class TubeQueries(PipelineDataset):
    """One item per sentence; a data set says how its queries and boxes are read.

    Before the pipeline an item is

    * ``query_id``, ``sentence``, ``kind``; ``source_video_id`` and ``video_path`` (None without
      videos): the video; ``video_id``: ``<video>#<query_id>``, because each query is scored alone;
    * ``frame_idx`` (T,) int64: the sampled frames of the clip, see ``sample_frames``, and one more
      if none of them shows the tube, see ``between_samples``;
      ``frame_times_sec`` (T,) float64: ``frame_idx / fps``, the annotations hold no times;
    * ``tube_frames``, ``clip_frames``: half-open intervals of frames; ``fps``; ``duration_sec`` of
      the clip;
    * ``pool``: the sentence; ``gt_labels`` (T,) int64: 0 inside the tube, -1 outside; ``labels``
      likewise, the sentence or None;
    * ``boxes_px`` (T, 4) float32: x1, y1, x2, y2 in pixels of ``frame_size`` (W, H), zeros without;
    * ``eval_mask`` (T,) bool: False inside the tube where the annotation has no box;
    * ``between_samples``: whether no sampled frame has a box of the tube, so that the middle one of
      its frames with a box was added; ``has_box``: False if there is none in the clip: then the
      middle of the tube's part in the clip counts, with an empty box.

    Args:
        videos_dir: Folder of the videos; None: without.
        sample_fps: Frames per second that are looked at; None: all frames.
        max_frames: At most so many of a clip, evenly; None: no limit.
        kinds: Sentences to keep, of ``KINDS``.
        pipeline: See ``PipelineDataset``. Evaluation is deterministic: there is no ``rng``.
    """

    def __init__(
        self,
        videos_dir: Path | None,
        *,
        sample_fps: float | None,
        max_frames: int | None,
        kinds: Sequence[str],
        pipeline: Sequence[dict | Transform],
    ) -> None:
        super().__init__(pipeline, test_mode=True)
        for kind in [kinds] if isinstance(kinds, str) else kinds:
            if kind not in KINDS:
                raise ValueError(f'kinds has {kind!r}; {near_names(kind, KINDS)}')
        if sample_fps is not None and not sample_fps > 0:
            raise ValueError(f'sample_fps={sample_fps} must be > 0, or None for all frames')
        if max_frames is not None and max_frames < 1:
            raise ValueError(f'max_frames={max_frames} must be >= 1, or None for all frames')
        self.videos = VideoFolder(videos_dir)
        self.sample_fps, self.max_frames = sample_fps, max_frames
        self.kinds = (kinds,) if isinstance(kinds, str) else tuple(kinds)

    @abstractmethod
    def read_queries(self) -> list[TubeQuery]:
        """Read all queries of the file, in its order."""

    @abstractmethod
    def read_tube(self, query: TubeQuery) -> tuple[np.ndarray, np.ndarray]:
        """Return the boxes of a tube of N frames, (N, 4) float32, and which are known, (N,)."""

    def full_init(self) -> None:
        """Read and check the annotations now; MMEngine calls this, else the first use does."""
        self.videos.check({query.video_id for query in self.queries.values()}, max_missing=0)

    @cached_property
    def queries(self) -> dict[str, TubeQuery]:
        """The queries of the wanted kinds by id, in the order of the file."""
        return {q.query_id: q for q in self.read_queries() if q.kind in self.kinds}

    @cached_property
    def query_ids(self) -> list[str]:
        """The queries, in the order of the file."""
        self.full_init()
        return list(self.queries)

    @property
    def metainfo(self) -> dict[str, Any]:
        """Facts of the data set for logs and reports."""
        kinds = [query.kind for query in self.queries.values()]
        return {
            'dataset_type': type(self).__name__,
            'num_queries': len(self.query_ids),
            'num_items': len(self.query_ids),
            'num_videos': len({query.video_id for query in self.queries.values()}),
            **{f'num_{kind}': kinds.count(kind) for kind in KINDS},
            'num_tubes_past_clip': sum(query.is_past_clip for query in self.queries.values()),
        }

    def count_boxes(self) -> dict[str, int]:
        """Return how many boxes the tubes have, lack, and have empty or inverted (reads all)."""
        counts = {'num_boxes': 0, 'num_without_box': 0, 'num_empty': 0}
        for query in self.queries.values():
            boxes_px, known = self.read_tube(query)
            empty = (boxes_px[known, 2:] <= boxes_px[known, :2]).any(axis=1)
            counts['num_boxes'] += int(known.sum())
            counts['num_without_box'] += int((~known).sum())
            counts['num_empty'] += int(empty.sum())
        return counts

    def __len__(self) -> int:
        return len(self.query_ids)

    def __getitem__(self, index: int) -> dict[str, Any]:
        item = self.run_pipeline(self.query(self.query_ids[index]), None)
        if item is None:
            raise ValueError(f'a transform could not use query {self.query_ids[index]!r}')
        return item

    def query(self, query_id: str) -> dict[str, Any]:
        """Return the item of a query as it is before the pipeline.

        Raises:
            ValueError: If there is no such query; near ids are shown.
        """
        if query_id not in self.queries:
            raise ValueError(f'no query {query_id!r}; {near_names(query_id, self.queries)}')
        query = self.queries[query_id]
        frame_idx = sample_frames(
            query.clip_frames,
            query.fps,
            sample_fps=self.sample_fps,
            max_frames=self.max_frames,
        )
        start, end = query.tube_frames
        tube_px, known = self.read_tube(query)
        tube_frames = np.arange(start, end)
        in_clip = (tube_frames >= query.clip_frames[0]) & (tube_frames < query.clip_frames[1])
        inside = (frame_idx >= start) & (frame_idx < end)
        between_samples = not known[frame_idx[inside] - start].any()
        if between_samples:
            middle = start + _middle_row(known, in_clip)
            frame_idx = np.union1d(frame_idx, [middle])
            inside = (frame_idx >= start) & (frame_idx < end)
        boxes_px = np.zeros((len(frame_idx), 4), dtype=np.float32)
        boxes_px[inside] = tube_px[frame_idx[inside] - start]
        eval_mask = np.ones(len(frame_idx), dtype=bool)
        eval_mask[inside] = known[frame_idx[inside] - start]
        if between_samples:
            eval_mask[frame_idx == middle] = True
        return {
            'query_id': query_id,
            'video_id': f'{query.video_id}#{query_id}',
            'source_video_id': query.video_id,
            'video_path': self.videos.path(query.video_id),
            'sentence': query.sentence,
            'kind': query.kind,
            'frame_idx': frame_idx,
            'frame_times_sec': frame_idx / query.fps,
            'tube_frames': query.tube_frames,
            'clip_frames': query.clip_frames,
            'fps': query.fps,
            'duration_sec': (query.clip_frames[1] - query.clip_frames[0]) / query.fps,
            'pool': [query.sentence],
            'labels': [query.sentence if is_inside else None for is_inside in inside],
            'gt_labels': np.where(inside, 0, -1),
            'boxes_px': boxes_px,
            'eval_mask': eval_mask,
            'between_samples': between_samples,
            'has_box': bool((known & in_clip).any()),
            'frame_size': query.frame_size,
        }


def _middle_row(known: np.ndarray, in_clip: np.ndarray) -> int:
    """Return the middle row of a tube within the clip, of those with a box if there are any."""
    rows = np.flatnonzero(known & in_clip if (known & in_clip).any() else in_clip)
    return int(rows[len(rows) // 2])


def sample_frames(
    clip_frames: tuple[int, int],
    fps: float,
    *,
    sample_fps: float | None = 5.0,
    max_frames: int | None = 200,
) -> np.ndarray:
    """Return the frames of a clip that are looked at, ascending, (T,) int64.

    The first frame of the clip and of each period ``1 / sample_fps`` of the video; of more than
    ``max_frames`` of them n, numbers ``floor(j * n / max_frames)``. A video with fewer frames per
    second is not sampled.

    Source: TubeDETR (CVPR 2022), ``datasets/vidstg.py``; 5 per second, at most 200.

    Args:
        clip_frames: First frame and the one after the last.
        fps: Frames per second of the video.
        sample_fps: Frames per second wanted; None: all.
        max_frames: The most of them; None: no limit.
    """
    frames = np.arange(*clip_frames, dtype=np.int64)
    if sample_fps is not None and sample_fps < fps:
        periods = (frames * (sample_fps / fps)).astype(np.int64)
        frames = frames[np.concatenate([[True], np.diff(periods) > 0])]
    if max_frames is not None and len(frames) > max_frames:
        frames = frames[np.arange(max_frames) * len(frames) // max_frames]
    return frames


def corners_from_sides(boxes: np.ndarray) -> np.ndarray:
    """Return ``x1, y1, x2, y2`` of boxes ``x, y, width, height``, (N, 4)."""
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
