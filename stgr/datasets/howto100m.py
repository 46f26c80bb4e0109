"""HowTo100M: narrated videos to learn from, and anything written in its caption format."""

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stgr.datasets.clip_table import ClipTable
from stgr.datasets.pipeline_dataset import PipelineDataset, Transform
from stgr.datasets.video_folder import VideoFolder
from stgr.io.caption_columns import CaptionColumns, read_caption_columns
from stgr.io.caption_store import open_caption_store
from stgr.registry import DATASETS

if TYPE_CHECKING:
    import torch

    from stgr.io.failed_videos import FailedVideos

# Clips tried in place of one that cannot be read before giving up: a share of max_missing broken
# videos is met this often in a row with probability max_missing ** 20.
MAX_TRIES = 20


@DATASETS.register_module()
class HowTo100M(PipelineDataset):
    """One item per narrated clip: what is said between two times of a video.

    Before the pipeline an item is ``video_id``, ``video_path`` (None without a folder of videos),
    ``start_sec``, ``end_sec``, ``narration``, ``duration_sec`` (None if nothing tells) and, in
    training, ``rng``.

    A training clip that cannot be used (damaged video, no features, a caption past the end of its
    video) is replaced by a random other one and its video is named in a warning, once. In test mode
    it is an error. What is unusable is counted over all workers and epochs; ``BrokenVideosHook``
    says how much it is after each epoch and lists it in ``failed.jsonl``.

    Args:
        data_root: Folder that the other paths are relative to.
        captions: Caption file or folder, see ``read_captions``.
        videos_dir: Folder of the videos; None: without videos, all from features.
        durations: JSON file ``{video_id: seconds}``; None: open the video for its length.
        caption_store: Folder that the captions are converted into once and mapped from by every
            process, for millions of them (see ``open_caption_store``); None: each process reads
            them into its memory.
        min_words: Captions with fewer words are left out.
        per_video: An epoch has one random clip of each video, as in the authors' code, instead of
            every clip once. In test mode it is the middle clip.
        permute_narrations: Seed of the control that gives every clip the narration of another
            video (see ``ClipTable.with_permuted_narrations``); None: the true ones.
        max_missing: Largest share of videos that may be missing or unreadable in training.
        reader: Registered name of the video reader that is asked for the length of a video;
            ``LoadVideoFrames`` has its own.
        seed: See ``PipelineDataset``.
        pipeline: See ``PipelineDataset``.
        test_mode: See ``PipelineDataset``.

    Raises:
        FileNotFoundError: If the captions or too many videos are missing (on first use).
        ValueError: If no caption is left, or too many videos or clips cannot be used.
    """

    def __init__(
        self,
        data_root: str,
        captions: str,
        videos_dir: str | None = 'videos',
        *,
        durations: str | None = None,
        caption_store: str | None = None,
        min_words: int = 1,
        per_video: bool = False,
        permute_narrations: int | None = None,
        max_missing: float = 0.1,
        reader: str = 'pyav',
        seed: int = 0,
        pipeline: Sequence[dict | Transform] = (),
        test_mode: bool = False,
    ) -> None:
        super().__init__(pipeline, seed=seed, test_mode=test_mode)
        root = Path(data_root)
        self.captions = root / captions
        self.caption_store = None if caption_store is None else root / caption_store
        self.videos = VideoFolder.below(root, videos_dir, durations, reader=reader)
        self.min_words = min_words
        self.per_video = per_video
        self.permute_narrations = permute_narrations
        self.max_missing = max_missing
        self._table: ClipTable | None = None
        self._num_listed = 0
        self._num_without_file = 0
        self._failures: FailedVideos | None = None

    def full_init(self) -> None:
        """Read the captions now; MMEngine calls this, otherwise the first use does.

        Workers started before count what is unusable each for itself.
        """
        import torch

        if self._table is None:
            self._table = self._read()
            # Shared memory, made before workers start: they count together, over all epochs.
            videos = len(self._table.video_ids)
            self._unusable = torch.zeros(videos, dtype=torch.uint8).share_memory_()
            self._frameless = torch.zeros(videos, dtype=torch.uint8).share_memory_()
            self._num_frameless_clips = torch.zeros((), dtype=torch.int64).share_memory_()

    def list_failures(self, failures: 'FailedVideos | None') -> None:
        """Put each video that turns out to be unusable on a list; call it before workers start."""
        self._failures = failures

    @property
    def unusable(self) -> 'torch.Tensor':
        """Which videos of the table could not be read so far, (V,) uint8, shared by workers."""
        self.full_init()
        return self._unusable

    @property
    def num_frameless_clips(self) -> int:
        """Clips without a frame so far: their captions lie past the end of the video."""
        self.full_init()
        return int(self._num_frameless_clips)

    def describe_unusable(self, num_frameless_clips: int) -> str:
        """Return how much of the data set could not be used so far, empty if all could.

        Args:
            num_frameless_clips: Of all processes.
        """
        missing, unreadable = self._num_without_file, int(self.unusable.sum())
        parts = []
        if missing + unreadable:
            share = 100 * (missing + unreadable) / self._num_listed
            parts.append(
                f'{missing + unreadable} of {self._num_listed} videos could not be used so far '
                f'({share:.2g} %): {missing} without a file, {unreadable} unreadable'
            )
        if num_frameless_clips:
            parts.append(f'{num_frameless_clips} clips had no frame')
        return '; '.join(parts)

    def check_unusable(self, last: object = None) -> int:
        """Return how many videos are missing or unreadable so far.

        Args:
            last: The last error, to be told; None: tell none.

        Raises:
            ValueError: If their share is larger than ``max_missing``.
        """
        count = self._num_without_file + int(self.unusable.sum())
        if count > self.max_missing * self._num_listed:
            told = '' if last is None else f'; the last: {last}'
            raise ValueError(
                f'{count} videos missing or unreadable so far, more than the share of '
                f'{self.max_missing:g} allowed{told}'
            )
        return count

    @property
    def table(self) -> ClipTable:
        """All clips, after filtering and permutation."""
        self.full_init()
        assert self._table is not None, 'full_init reads the table'
        return self._table

    @property
    def metainfo(self) -> dict[str, Any]:
        """Facts of the data set for logs and checkpoints."""
        return {'dataset_type': type(self).__name__, 'num_videos': len(self.table.video_ids)}

    def read_columns(self, progress: Callable[[int], object] | None = None) -> CaptionColumns:
        """Return all captions, unfiltered, held or mapped from the store.

        Args:
            progress: Told the bytes read while a store is made, see ``open_caption_store``.
        """
        if self.caption_store is None:
            return read_caption_columns(self.captions)
        return open_caption_store(self.captions, self.caption_store, progress=progress)

    def __len__(self) -> int:
        return len(self.table.video_ids) if self.per_video else len(self.table)

    def __getitem__(self, index: int) -> dict[str, Any]:
        if not 0 <= index < len(self):
            raise IndexError(f'item {index} of a data set of {len(self)}')
        rng = self.rng(index)
        if rng is None:
            return self._load_for_test(index)
        for _ in range(MAX_TRIES):
            item = self._load_for_training(index, rng)
            if item is not None:
                return item
            index = int(rng.integers(len(self)))
        raise ValueError(
            f'{self.captions}: {MAX_TRIES} clips in a row could not be used; the warnings say why'
        )

    def _read(self) -> ClipTable:
        columns = self.read_columns()
        self._num_listed = len(columns.video_ids)
        allowed = 0.0 if self.test_mode else self.max_missing
        missing = self.videos.check(columns.video_ids, max_missing=allowed)
        self._num_without_file = len(missing)
        table = ClipTable.take(
            columns,
            min_words=self.min_words,
            durations_sec=self.videos.known_durations_sec,
            without=missing,
        )
        self._warn_of_late_captions(table)
        if not len(table):
            raise ValueError(f'{self.captions}: no caption is left to use ({table.dropped})')
        if self.permute_narrations is not None:
            table = table.with_permuted_narrations(self.permute_narrations)
        return table

    def _warn_of_late_captions(self, table: ClipTable) -> None:
        if table.first_late is not None:
            video_id, start_sec = table.first_late
            count = table.dropped['past the end of the video']
            warnings.warn(
                f'{self.captions}: {count} captions begin past the end of their video and are left '
                f'out, the first of video {video_id!r} at {start_sec} s; check that captions and '
                'durations are of the same videos',
                stacklevel=2,
            )

    def _load_for_test(self, index: int) -> dict[str, Any]:
        clip = self._clip(index, None)
        item = self.run_pipeline(clip, None)
        if item is None:
            raise ValueError(
                f'{self.captions}: no frame for the caption of video {clip["video_id"]!r} at '
                f'{clip["start_sec"]} s; it lies past the end of the video'
            )
        return item

    def _load_for_training(self, index: int, rng: np.random.Generator) -> dict[str, Any] | None:
        from stgr.io.errors import VideoError

        video = index if self.per_video else self.table.video_of(index)
        try:
            clip = self._clip(index, rng)
            item = self.run_pipeline(clip, rng)
        except (VideoError, FileNotFoundError) as error:
            self._count_unusable(video, error)
            return None
        if item is None:
            self._count_frameless(video, clip)
        return item

    def _count_unusable(self, video: int, error: Exception) -> None:
        """Warn once per video, and stop when they are too many."""
        if self._unusable[video]:
            return
        self._unusable[video] = 1
        if self._failures is not None:
            video_id = self.table.video_ids[video]
            self._failures.add(video_id, self.videos.path(video_id) or '', str(error))
        count = self.check_unusable(error)
        warnings.warn(
            f'{error}; {count} videos missing or unreadable so far, another clip is used',
            stacklevel=2,
        )

    def _count_frameless(self, video: int, clip: dict[str, Any]) -> None:
        """Count the clips without a frame and warn once per video."""
        self._num_frameless_clips += 1
        if self._frameless[video]:
            return
        self._frameless[video] = 1
        warnings.warn(
            f'video {clip["video_id"]!r}: no frame for the caption at {clip["start_sec"]} s; '
            f'{int(self._num_frameless_clips)} clips without a frame so far, another clip is used',
            stacklevel=2,
        )

    def _clip(self, index: int, rng: np.random.Generator | None) -> dict[str, Any]:
        table = self.table
        video = index if self.per_video else table.video_of(index)
        row = index
        if self.per_video:
            first, end = table.first_row[video : video + 2]
            row = int((first + end) // 2 if rng is None else rng.integers(first, end))
        video_id = table.video_ids[video]
        return {
            'video_id': video_id,
            'video_path': self.videos.path(video_id),
            'start_sec': float(table.start_sec[row]),
            'end_sec': float(table.end_sec[row]),
            'narration': table.narrations[row],
            'duration_sec': self.videos.duration_sec(video_id),
        }
