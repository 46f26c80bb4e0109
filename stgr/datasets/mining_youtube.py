"""MiningYouTube: untrimmed videos with one of 512 steps, or background, at every frame."""

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from stgr.datasets.class_order import ClassLabels, ClassOrder, read_class_list
from stgr.datasets.grounding_youtube_files import normalise_step_name
from stgr.datasets.mining_youtube_files import (
    Step,
    label_native_frames,
    label_times,
    read_frame_labels,
    read_steps,
    read_transcripts,
    read_video_list,
    step_faults,
    transcript_of,
)
from stgr.datasets.pipeline_dataset import Transform
from stgr.datasets.video_dataset import VideoDataset
from stgr.datasets.video_folder import VideoFolder
from stgr.io.checked_json import read_json
from stgr.registry import DATASETS
from stgr.structures import BACKGROUND_NAME

POOLS = ('video', 'global')
# A frame's time is counted from its number: rounding must not show the frame before.
ROUNDING_FRAMES = 1e-6


@DATASETS.register_module()
class MiningYouTube(VideoDataset):
    """One item per video: its frames, the class of each, and the order in which they come.

    Before the pipeline an item is

    * ``video_id``, ``video_path`` (None without a folder of videos), ``duration_sec``;
    * ``tail_sec``: seconds added after the last step because the length of the video is not
      known, else None;
    * ``frame_times_sec`` (T,) float64: 0, 1 / fps, 2 / fps, ... before the end;
    * ``classes``: ``ClassLabels`` (T,) in the order of the class list, background among them;
    * ``transcript``: ``ClassLabels`` (N,): the classes without repetitions, or the first line of
      the video's transcript file; ``transcripts``: all of its lines;
    * ``pool``: names of the actions asked for, blanks for ``_``, background not among them;
    * ``labels``: the name of each frame's class as in the pool, None for background;
    * ``gt_labels`` (T,) int64: the same as index into the pool, -1 background; ``gt_transcript``
      (N,) int64: the transcript likewise;
    * ``steps``: the steps as annotated;
    * ``boxes_px`` (T, 4) zeros and ``frame_size`` (1, 1): nothing is annotated in space, so that
      no metric of places may be asked of it.

    The released archive has the steps only (SRT). Frame labels and transcripts are files of their
    own that a user may have; without them both come from the steps. Frame labels are one line per
    native frame; at another rate each frame has the label that is shown at its time.

    Source: "Mining YouTube" (Kuehne et al., 2019) and its public files; what they leave open is
    told where it is decided: ``class_of_step``, ``label_times``, ``label_native_frames``.

    Args:
        data_root: Folder that the other paths are relative to.
        annotations: Folder, or archive that is not unpacked, of ``<video_id>.srt``.
        class_list: Names of the 512 classes and background; the index is the line's. The other
            released order, ``mapping_without_meta.txt``, is for ``read_mapping``.
        videos: File of the videos to use, one id per line (``videos_test.txt`` 249,
            ``videos_val.txt`` 25 of them); None: all that are annotated (250).
        frame_labels_dir: Folder of ``<video_id>.gt`` or ``.txt``; None: labels from the steps.
        transcripts_dir: Folder of ``<video_id>.grammar`` or ``.txt``; None: from the labels.
        videos_dir: Folder of the videos; None: without videos, all from features.
        durations: JSON file ``{video_id: seconds}``; None: open the video for its length.
        fps: Frames per second to evaluate; None: the native rate of each video.
        native_fps: JSON file ``{video_id: frames per second}``; None: open the video for its
            rate. Needed for ``fps=None`` and for frame labels.
        tail_sec: Seconds from the last step to the assumed end of a video, >= 0. It only counts
            where neither video nor durations nor frame labels tell the length.
        pool: ``'video'``: the classes of the same video, sorted; ``'global'``: all 512, in the
            order of the class list.
        pipeline: See ``PipelineDataset``. Evaluation is deterministic: there is no ``rng``.

    Raises:
        FileNotFoundError: If an annotation or a video is missing (on first use).
        ValueError: If the files are malformed or disagree, or a rate is needed and not known.
    """

    def __init__(
        self,
        data_root: str,
        annotations: str = 'annotations.tar.gz',
        class_list: str = 'weakYouTube_dict.txt',
        *,
        videos: str | None = 'videos_test.txt',
        frame_labels_dir: str | None = None,
        transcripts_dir: str | None = None,
        videos_dir: str | None = 'videos',
        durations: str | None = None,
        fps: float | None = 1.0,
        native_fps: str | None = None,
        tail_sec: float = 30.0,
        pool: str = 'video',
        pipeline: Sequence[dict | Transform] = (),
    ) -> None:
        super().__init__(pipeline)
        self._video_ids: list[str] | None = None
        if pool not in POOLS:
            raise ValueError(f'pool={pool!r} is unknown; use {" or ".join(map(repr, POOLS))}')
        if not 0 <= tail_sec < math.inf or (fps is not None and not 0 < fps < math.inf):
            raise ValueError(f'need tail_sec >= 0 and fps > 0, got {tail_sec=} and {fps=}')
        root = Path(data_root)
        self.annotation_path, self.class_file = root / annotations, root / class_list
        self.video_file = None if videos is None else root / videos
        self.frame_labels_dir = None if frame_labels_dir is None else root / frame_labels_dir
        self.transcripts_dir = None if transcripts_dir is None else root / transcripts_dir
        self.fps_file = None if native_fps is None else root / native_fps
        self.videos = VideoFolder.below(root, videos_dir, durations)
        self.fps, self.tail_sec, self.pool = fps, float(tail_sec), pool

    def full_init(self) -> None:
        """Read and check the annotations now; MMEngine calls this, else the first use does."""
        listed = self.steps if self.video_file is None else read_video_list(self.video_file)
        unknown = [video_id for video_id in listed if video_id not in self.steps]
        if unknown:
            raise ValueError(
                f'{self.annotation_path} has no steps of {len(unknown)} videos of '
                f'{self.video_file}, such as {unknown[0]!r}'
            )
        self.videos.check(list(listed), max_missing=0)
        self._video_ids = list(listed)

    @cached_property
    def order(self) -> ClassOrder:
        """The classes, in the order of the class list."""
        return read_class_list(self.class_file)

    @cached_property
    def steps(self) -> dict[str, list[Step]]:
        """Steps of each annotated video."""
        return read_steps(self.annotation_path, self.order)

    @cached_property
    def known_fps(self) -> dict[str, float]:
        """Native rates read from their file; empty without one."""
        if self.fps_file is None:
            return {}
        document = read_json(self.fps_file)
        return {video_id: document[video_id].number() for video_id in document.value}

    @property
    def video_ids(self) -> list[str]:
        """The videos, in the order of their list."""
        if self._video_ids is None:
            self.full_init()
        assert self._video_ids is not None, 'full_init sets them'
        return self._video_ids

    @property
    def metainfo(self) -> dict[str, Any]:
        """Facts of the data set for logs and checkpoints."""
        steps = [self.steps[video_id] for video_id in self.video_ids]
        return {
            'dataset_type': type(self).__name__,
            'num_videos': len(steps),
            'num_steps': sum(map(len, steps)),
            'num_faulty_steps': sum(1 for found in steps for _ in step_faults(found)),
            'num_classes': len({step.class_name for found in steps for step in found}),
            'fps': 'native' if self.fps is None else self.fps,
            'pool': self.pool,
        }

    def video(self, video_id: str) -> dict[str, Any]:
        """Return the item of a video as it is before the pipeline."""
        times_sec, classes, duration_sec, tail_sec = self._frames(video_id)
        transcripts = self._transcripts(video_id) or [transcript_of(classes)]
        names = [normalise_step_name(name) for name in classes.names]
        everything = sorted(set(names)) if self.pool == 'video' else self._pool_of_all
        pool = [name for name in everything if name != BACKGROUND_NAME]
        index = {BACKGROUND_NAME: -1, **{name: position for position, name in enumerate(pool)}}
        return {
            'video_id': video_id,
            'video_path': self.videos.path(video_id),
            'duration_sec': duration_sec,
            'tail_sec': tail_sec,
            'frame_times_sec': times_sec,
            'classes': classes,
            'transcript': transcripts[0],
            'transcripts': transcripts,
            'pool': pool,
            'labels': [None if name == BACKGROUND_NAME else name for name in names],
            'gt_labels': np.array([index[name] for name in names], dtype=np.int64),
            'gt_transcript': self._indexed(video_id, transcripts[0], index),
            'steps': self.steps[video_id],
            'boxes_px': np.zeros((len(names), 4), dtype=np.float32),
            'frame_size': (1, 1),
        }

    def _indexed(
        self, video_id: str, transcript: ClassLabels, index: Mapping[str, int]
    ) -> np.ndarray:
        """Return a transcript as index into the pool."""
        names = [normalise_step_name(name) for name in transcript.names]
        unseen = [name for name in names if name not in index]
        if unseen:
            raise ValueError(
                f'the transcript of video {video_id!r} has {unseen[0]!r}, which none of its frames '
                "shows; mend one of the files, or use pool='global'"
            )
        return np.array([index[name] for name in names], dtype=np.int64)

    @cached_property
    def _pool_of_all(self) -> list[str]:
        return [normalise_step_name(name) for name in self.order.names]

    def _frames(self, video_id: str) -> tuple[np.ndarray, ClassLabels, float, float | None]:
        """Return times, classes, length of the video, and what of it was assumed."""
        steps = self.steps[video_id]
        native = self._native_labels(video_id)
        fps = self.fps or self._native_rate(video_id)
        tail_sec = None
        duration_sec = self.videos.duration_sec(video_id)
        if native is not None:
            duration_sec = len(native) / self._native_rate(video_id)
        elif duration_sec is None:
            last_sec = max((step.end_ms for step in steps), default=0) / 1000
            duration_sec, tail_sec = last_sec + self.tail_sec, self.tail_sec
        count = max(math.ceil(duration_sec * fps - ROUNDING_FRAMES), 1)
        times_sec = np.arange(count) / fps
        if native is not None:
            shown = (times_sec * self._native_rate(video_id) + ROUNDING_FRAMES).astype(np.int64)
            classes = ClassLabels(self.order, native.indices[np.minimum(shown, len(native) - 1)])
        elif self.fps is None:
            classes = label_native_frames(steps, fps, count, self.order)
        else:
            classes = label_times(steps, times_sec, self.order)
        return times_sec, classes, duration_sec, tail_sec

    def _native_labels(self, video_id: str) -> ClassLabels | None:
        if self.frame_labels_dir is None:
            return None
        return read_frame_labels(_file(self.frame_labels_dir, video_id, '.gt'), self.order)

    def _transcripts(self, video_id: str) -> list[ClassLabels]:
        if self.transcripts_dir is None:
            return []
        return read_transcripts(_file(self.transcripts_dir, video_id, '.grammar'), self.order)

    def _native_rate(self, video_id: str) -> float:
        fps = self.known_fps.get(video_id)
        facts = self.videos.facts(video_id) if fps is None else None
        fps = facts.fps if facts is not None else fps
        if fps is None:
            raise ValueError(
                f'the frame rate of video {video_id!r} is not known; name its video, or its rate '
                'in the JSON file native_fps'
            )
        if fps <= 0:
            raise ValueError(f'{self.fps_file}: {video_id} has {fps} frames per second')
        return fps


def _file(folder: Path, video_id: str, suffix: str) -> Path:
    """Return a video's file, with its own ending or the archive's ``.txt``."""
    for file in (folder / f'{video_id}{suffix}', folder / f'{video_id}.txt'):
        if file.is_file():
            return file
    raise FileNotFoundError(f'{folder} has neither {video_id}{suffix} nor {video_id}.txt')
