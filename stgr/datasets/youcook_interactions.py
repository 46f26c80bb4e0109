"""YouCook-Interactions: where the action that a sentence names is seen, one box per second."""

import warnings
from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from stgr.datasets.grounding_youtube_files import read_sizes
from stgr.datasets.pipeline_dataset import Transform
from stgr.datasets.video_dataset import VideoDataset
from stgr.datasets.video_folder import VideoFolder
from stgr.datasets.youcook_interactions_files import (
    Box,
    SentenceSegment,
    interaction_frame_size,
    read_interaction_boxes,
    read_interaction_segments,
    read_sentences,
)
from stgr.registry import DATASETS

NAMES_SHOWN = 3


@DATASETS.register_module()
class YouCookInteractions(VideoDataset):
    """One item per video: its boxed seconds, each with the sentence of its segment.

    The action is known and its place is asked for; seconds without a box are not evaluated. Before
    the pipeline an item is

    * ``video_id``, ``video_path`` (None without a folder of videos), ``duration_sec``;
    * ``seconds`` (T,) int64: seconds of segments that have a box, ascending, each once;
    * ``frame_times_sec`` (T,) float64: when their frames are shown: second + ``second_offset``;
    * ``pool``: sentences of the video's segments, sorted; ``labels``: that of each second;
      ``gt_labels`` (T,) int64: the same as index into the pool;
    * ``boxes_px`` (T, 4) float32: boxes in pixels of ``frame_size`` (W, H), and
      ``frame_size_source``, see ``interaction_frame_size``;
    * ``segments``: the segments; ``evaluations`` (E, 2) int64: every pair of a row of ``seconds``
      and a segment it lies in.

    A second where one segment ends and the next begins has the sentence of the first; the released
    scripts score it once for each, which ``evaluations`` tells: 2,496 of 2,488 seconds.

    Source: the files and scripts of Tan et al., "Look at What I'm Doing" (NeurIPS 2021); their
    loader shows frame ``second - 1``.

    Args:
        data_root: Folder that the other paths are relative to.
        boxes: See ``read_interaction_boxes``.
        segments: See ``read_interaction_segments``.
        sentences: Annotations of YouCook2, see ``read_sentences``.
        sizes: JSON file ``{video_id: [W, H]}`` of the videos as uploaded; None: open the video.
            Without either the frame of most videos is assumed to be 640 x 360, and that of the
            seven annotated at their own size guessed from their boxes, which is warned about.
        videos_dir: Folder of the videos; None: without videos, all from features.
        second_offset: Added to an annotated second for the time of its frame.
        pipeline: See ``PipelineDataset``. Evaluation is deterministic: there is no ``rng``.

    Raises:
        FileNotFoundError: If an annotation or a video is missing (on first use).
        ValueError: If the files are malformed or disagree.
    """

    def __init__(
        self,
        data_root: str,
        boxes: str = 'final_dataset_annotations.pkl',
        segments: str = 'final_dataset_segments.pkl',
        *,
        sentences: str = 'youcookii_annotations_trainval.json',
        sizes: str | None = None,
        videos_dir: str | None = 'videos',
        second_offset: int = -1,
        pipeline: Sequence[dict | Transform] = (),
    ) -> None:
        super().__init__(pipeline)
        self._video_ids: list[str] | None = None
        root = Path(data_root)
        self.box_file, self.segment_file = root / boxes, root / segments
        self.sentence_file = root / sentences
        self.size_file = None if sizes is None else root / sizes
        self.videos = VideoFolder(None if videos_dir is None else root / videos_dir)
        self.second_offset = second_offset

    def full_init(self) -> None:
        """Read and check the annotations now; MMEngine calls this, else the first use does."""
        named = [video_id for video_id in self.segments if self._seconds(video_id)]
        self.videos.check(named, max_missing=0)
        for video_id in named:
            if min(self._seconds(video_id)) + self.second_offset < 0:
                raise ValueError(
                    f'second_offset={self.second_offset} puts a second of video {video_id!r} '
                    'before its start'
                )
        self._video_ids = named
        guessed = [name for name in named if self._frame_size(name)[1] == 'guessed']
        if guessed:
            shown = ', '.join(guessed[:NAMES_SHOWN]) + (', ...' if guessed[NAMES_SHOWN:] else '')
            warnings.warn(
                f'{self.box_file}: the frame size of {len(guessed)} videos annotated at their own '
                f'size ({shown}) is guessed from their boxes; give sizes or the videos',
                stacklevel=2,
            )

    @cached_property
    def boxes(self) -> dict[str, dict[int, Box]]:
        """Boxes of each video by second."""
        return read_interaction_boxes(self.box_file)

    @cached_property
    def segments(self) -> dict[str, list[SentenceSegment]]:
        """Segments of each video, in the order of time."""
        return read_interaction_segments(self.segment_file, self._youcook[0])

    @cached_property
    def sizes(self) -> dict[str, tuple[int, int]]:
        """Sizes of the videos as uploaded, as far as the file tells."""
        return {} if self.size_file is None else read_sizes(self.size_file)

    @property
    def video_ids(self) -> list[str]:
        """The videos that have a box in a segment, sorted."""
        if self._video_ids is None:
            self.full_init()
        assert self._video_ids is not None, 'full_init sets them'
        return self._video_ids

    @property
    def metainfo(self) -> dict[str, Any]:
        """Facts of the data set for logs and checkpoints, with what is left out."""
        seconds = {video_id: self._seconds(video_id) for video_id in self.video_ids}
        used = [
            self.boxes[video_id][second] for video_id in seconds for second in seconds[video_id]
        ]
        spans = [one for video_id in self.segments for one in self.segments[video_id]]
        sources = Counter(self._frame_size(video_id)[1] for video_id in seconds)
        return {
            'dataset_type': type(self).__name__,
            'num_videos': len(seconds),
            'num_videos_without_box': len(self.segments) - len(seconds),
            'num_segments': len(spans),
            'num_segment_seconds': sum(one.last_sec - one.first_sec + 1 for one in spans),
            'num_boxes': len(used),
            'num_evaluations': sum(len(self._evaluations(video_id)) for video_id in seconds),
            'num_boxes_outside_segments': sum(map(len, self.boxes.values())) - len(used),
            'num_degenerate_boxes': sum(x2 <= x1 or y2 <= y1 for x1, y1, x2, y2 in used),
            'frame_sizes': dict(sorted(sources.items())),
        }

    @cached_property
    def _youcook(self) -> tuple[dict[str, list[SentenceSegment]], dict[str, float]]:
        return read_sentences(self.sentence_file)

    def video(self, video_id: str) -> dict[str, Any]:
        """Return the item of a video as it is before the pipeline."""
        segments, seconds = self.segments[video_id], self._seconds(video_id)
        evaluations = self._evaluations(video_id)
        first = dict(reversed(evaluations))  # a row's first segment comes last and stays
        labels = [segments[first[row]].sentence for row in range(len(seconds))]
        pool = sorted({segment.sentence for segment in segments})
        times_sec = np.array(seconds, dtype=np.float64) + self.second_offset
        frame_size, source = self._frame_size(video_id)
        return {
            'video_id': video_id,
            'video_path': self.videos.path(video_id),
            'duration_sec': self.videos.duration_sec(video_id) or self._youcook[1][video_id],
            'seconds': np.array(seconds, dtype=np.int64),
            'frame_times_sec': times_sec,
            'pool': pool,
            'labels': labels,
            'gt_labels': np.array([pool.index(label) for label in labels], dtype=np.int64),
            'boxes_px': np.array([self.boxes[video_id][s] for s in seconds], dtype=np.float32),
            'frame_size': frame_size,
            'frame_size_source': source,
            'segments': segments,
            'evaluations': np.array(evaluations, dtype=np.int64),
        }

    def _seconds(self, video_id: str) -> list[int]:
        """Return the boxed seconds that lie in a segment, ascending."""
        return [
            second
            for second in self.boxes.get(video_id, {})
            if any(one.first_sec <= second <= one.last_sec for one in self.segments[video_id])
        ]

    def _evaluations(self, video_id: str) -> list[tuple[int, int]]:
        """Return pairs of a row of ``seconds`` and a segment that it lies in, by row."""
        return [
            (row, number)
            for row, second in enumerate(self._seconds(video_id))
            for number, one in enumerate(self.segments[video_id])
            if one.first_sec <= second <= one.last_sec
        ]

    def _frame_size(self, video_id: str) -> tuple[tuple[int, int], str]:
        native = self.sizes.get(video_id)
        facts = self.videos.facts(video_id) if native is None else None
        if facts is not None:
            native = (facts.width, facts.height)
        return interaction_frame_size(video_id, native, self.boxes[video_id])
