"""MiningYouTube: which step is done when, the order of steps being known."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from stgr.apis.evaluation.aligned_controls import RULES, align_controls
from stgr.apis.evaluation.coverage import Coverage
from stgr.apis.evaluation.matching import MatchedVideo
from stgr.apis.evaluation.protocol import Counts, Ratio, ScoreGroup, Scores
from stgr.apis.evaluation.seconds_protocol import SecondsProtocol
from stgr.apis.evaluation.truth import VideoTruth
from stgr.datasets.class_order import ClassLabels
from stgr.datasets.grounding_youtube_files import normalise_step_name
from stgr.datasets.mining_youtube import MiningYouTube
from stgr.evaluation.functional import (
    LengthPrior,
    align_transcript,
    append_background,
    fit_length,
    score_timelines,
)
from stgr.evaluation.functional.alignment import BACKGROUND_SCORE
from stgr.evaluation.functional.arrays import IntArray
from stgr.io.predictions import VideoPrediction
from stgr.structures import BACKGROUND, BACKGROUND_NAME

CLASS_LIST, VIDEO_LIST, NATIVE = 'weakYouTube_dict.txt', 'videos_test.txt', 'native'
ALL_VIDEOS, MEAN = 'all', 'mean'


@dataclass(frozen=True)
class AlignedTruth(VideoTruth):
    """The truth of one video, and in which order its steps come.

    Args:
        transcripts: Alternatives; each index into the pool, -1 background, (K,).
    """

    transcripts: tuple[IntArray, ...] = ()


@dataclass(frozen=True)
class Timeline:
    """Labels of one video, -1 is background.

    Args:
        truth: (T,).
        predicted: Of every moment of the truth, (T,).
        pool: Names of the labels.
    """

    truth: IntArray
    predicted: IntArray
    pool: tuple[str, ...]


@dataclass(frozen=True)
class MiningYouTubeProtocol(SecondsProtocol):
    """Steps of SRT files (see the data set ``MiningYouTube``) against a label per frame.

    With log-probabilities the transcript is aligned to them (``align_transcript``); without, the
    labels count as they are. The class list and the list of videos are looked for beside the steps.

    Args:
        fps: Frames per second that are scored; ``'native'``: those of each video.
        tail_sec: Seconds after the last step where nothing tells the length of a video.
        class_list: None: ``weakYouTube_dict.txt`` beside the steps.
        videos: List of videos; None: ``videos_test.txt`` beside the steps if there is one;
            ``'all'``: every video with steps.
        durations: JSON file ``{video_id: seconds}``.
        native_fps: JSON file ``{video_id: frames per second}``.
        frame_labels: Folder of true labels, one line per native frame; None: from the steps.
        transcripts: Folder of orders of steps; None: from the labels.
        pool: ``'video'`` or ``'global'`` (512), the classes that log-probabilities without names
            belong to, sorted, background last.
        timeline: ``'auto'``: aligned where there are log-probabilities; ``'labels'``: the labels
            in any case.
        block: Frames between possible boundaries.
        max_length: Longest entry in frames.
        mean_length: Mean of a Poisson prior on lengths, frames; None: no prior.
        background: Whether it is a class in the columns that are printed: ``'include'`` (the
            authors' rule), ``'exclude'``; both are computed.
        background_score: Score of background where log-probabilities have no such column, a
            number or ``'mean'`` of the others; None: 0.5. If given it replaces the column.
    """

    fps: float | str = 1.0
    tail_sec: float = 30.0
    class_list: str | None = None
    videos: str | None = None
    durations: str | None = None
    native_fps: str | None = None
    frame_labels: str | None = None
    transcripts: str | None = None
    pool: str = 'video'
    timeline: str = 'auto'
    block: int = 1
    max_length: int | None = None
    mean_length: float | None = None
    background: str = 'include'
    background_score: float | str | None = None

    name: ClassVar[str] = 'mining_youtube'
    summary: ClassVar[str] = 'when the steps of a known order happen (SRT files)'
    headline: ClassVar[dict[str, str]] = {}
    pad_log_probs: ClassVar[bool] = True
    control_rules: ClassVar[Mapping[str, str]] = RULES
    controls_of_system: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_choice('timeline', ('auto', 'labels'))
        self.check_choice('background', ('include', 'exclude'))
        if isinstance(self.fps, str) and self.fps != NATIVE:
            raise ValueError(f"fps must be a number or 'native', but is {self.fps!r}")
        if isinstance(self.background_score, str) and self.background_score != MEAN:
            raise ValueError(
                f"background_score must be a number or 'mean', but is {self.background_score!r}"
            )
        if self.block < 1:
            raise ValueError(f'block counts frames and must be >= 1, but is {self.block}')
        _ = self.prior

    @property
    def prior(self) -> LengthPrior:
        """What lengths an entry may have."""
        return LengthPrior(self.max_length, self.mean_length)

    def columns(self) -> dict[str, str]:
        """Return IoU and IoD with or without background, and MoF."""
        side = 'with' if self.background == 'include' else 'without'
        return {
            f'temporal/bg={self.background}/iou': f'IoU {side} bg',
            f'temporal/bg={self.background}/iod': f'IoD {side} bg',
            f'temporal/bg={self.background}/mof': 'MoF',
        }

    def read_truth(self, path: Path) -> list[VideoTruth]:
        """Read steps, classes and whatever else is named."""
        classes, videos = self._lists(path)
        dataset = MiningYouTube(
            '.',
            str(path),
            str(classes),
            videos=None if videos is None else str(videos),
            frame_labels_dir=self.frame_labels,
            transcripts_dir=self.transcripts,
            videos_dir=None,
            durations=self.durations,
            fps=None if isinstance(self.fps, str) else self.fps,
            native_fps=self.native_fps,
            tail_sec=self.tail_sec,
            pool=self.pool,
        )
        known = frozenset(normalise_step_name(name) for name in dataset.order.names)
        return [_truth(dataset[index], known) for index in range(len(dataset))]

    def truth_files(self, path: Path) -> list[Path]:
        """Return steps, classes, videos, lengths, rates, and the files of named folders."""
        steps = sorted(path.glob('*.srt')) if path.is_dir() else [path]
        files = [Path(one) for one in (self.durations, self.native_fps) if one is not None]
        folders = [Path(one) for one in (self.frame_labels, self.transcripts) if one is not None]
        inside = [file for folder in folders for file in sorted(folder.iterdir())]
        return [*steps, *(one for one in self._lists(path) if one), *files, *inside]

    def _lists(self, path: Path) -> tuple[Path, Path | None]:
        beside = path.parent / VIDEO_LIST
        videos = beside if beside.is_file() else None
        if self.videos is not None:
            videos = None if self.videos == ALL_VIDEOS else Path(self.videos)
        return Path(self.class_list) if self.class_list else path.parent / CLASS_LIST, videos

    def normalise_label(self, label: str) -> str:
        """Return the name with blanks for ``_``."""
        return normalise_step_name(label)

    def match(
        self, truths: Sequence[VideoTruth], predictions: Sequence[VideoPrediction]
    ) -> tuple[list[MatchedVideo], Coverage]:
        """Give every log-probability a column for background, then match seconds.

        Raises:
            ValueError: If some videos have log-probabilities and some do not.
        """
        if self.timeline == 'labels':
            predictions = [replace(one, log_probs=None, classes=None) for one in predictions]
        aligned = [one for one in predictions if one.log_probs is not None]
        if aligned and len(aligned) < len(predictions):
            without = next(one for one in predictions if one.log_probs is None)
            raise ValueError(
                f'{without.source}: video {without.video_id!r} has no log_probs, but others have; '
                'give them for all, or score the labels (--timeline labels)'
            )
        orders = {truth.video_id: truth.class_order for truth in truths}
        added = [self._with_background(one, orders.get(one.video_id, ())) for one in predictions]
        matched, coverage = super().match(truths, added)
        pairs = zip(added, predictions, strict=True)
        coverage.videos_with_added_background = sum(one is not other for one, other in pairs)
        return matched, coverage

    def _with_background(
        self, prediction: VideoPrediction, order: tuple[str, ...]
    ) -> VideoPrediction:
        """Return log-probabilities with a column for background, the file's own if it has one."""
        scores = prediction.log_probs
        if scores is None or not order:
            return prediction
        names = prediction.classes
        if names is None:
            if scores.shape[1] not in (len(order) - 1, len(order)):
                return prediction  # matching says what is wrong
            names = order[: scores.shape[1]]
        has_column = BACKGROUND_NAME in names
        if has_column and self.background_score is None:
            return prediction
        kept = [i for i, name in enumerate(names) if name != BACKGROUND_NAME]
        value = BACKGROUND_SCORE if self.background_score is None else self.background_score
        filled = append_background(scores[:, kept], None if isinstance(value, str) else value)
        classes = (*(names[i] for i in kept), BACKGROUND_NAME)
        return replace(prediction, log_probs=filled, classes=classes)

    def controls(self, matched: Sequence[MatchedVideo]) -> dict[str, Iterator[MatchedVideo]]:
        """Return the trivial predictors of timelines."""
        return align_controls(matched, seed=self.seed)

    def reduce(self, video: MatchedVideo) -> Timeline:
        """Align the transcript, or take the labels."""
        labels = video.record.pred_labels
        if video.log_probs is not None:
            labels = self._aligned(video)
        return Timeline(video.truth.labels, labels, video.record.pool)

    def _aligned(self, video: MatchedVideo) -> IntArray:
        """Return the labels of the best alignment of the best of the video's transcripts."""
        scores, truth = video.log_probs, video.truth
        assert scores is not None, 'reduce looked'
        assert isinstance(truth, AlignedTruth), 'read_truth made it'
        best, labels = -np.inf, truth.labels
        for transcript in truth.transcripts:
            entry_scores = scores[:, transcript]  # label -1 is the last column: background
            try:
                entries = align_transcript(entry_scores, block=self.block, prior=self.prior)
            except ValueError as error:
                raise ValueError(f'video {truth.video_id!r}: {error}') from error
            value = float(entry_scores[np.arange(len(entries)), entries].sum())
            value += float(self.prior.scores(np.bincount(entries)).sum())
            if value > best:
                best, labels = value, transcript[entries]
        return fit_length(labels, len(truth.labels))

    def groups(self) -> list[ScoreGroup]:
        """Return overlap over time with and without background, and over all frames at once."""
        return [
            *(
                ScoreGroup(f'temporal/bg={side}', partial(_score, background=side == 'include'))
                for side in ('include', 'exclude')
            ),
            ScoreGroup('pooled', self._pooled, per_video=False),
        ]

    def _pooled(self, videos: Sequence[Timeline]) -> Scores:
        """Return IoU of counts summed over videos, background left out."""
        common: dict[str, float] = {}
        union: dict[str, float] = {}
        for video in videos:
            for label, counts in self.count(video).items():
                if not counts['frames']:  # only predicted
                    continue
                common[label] = common.get(label, 0) + counts['common']
                union[label] = union.get(label, 0) + counts['union']
        if not union:
            return {'iou_micro': float('nan'), 'iou_dataset_class': float('nan')}
        return {
            'iou_micro': sum(common.values()) / sum(union.values()),
            'iou_dataset_class': float(np.mean([common[label] / union[label] for label in union])),
        }

    def count(self, reduced: Timeline) -> Counts:
        """Return ``frames``, ``predicted``, ``common`` and ``union`` of each action.

        Of one that is predicted of a video that does not have it, only ``predicted`` is not 0:
        false alarms anywhere cost precision, but the pooled scores are over the true actions of
        each video.
        """
        found = {}
        for number in np.unique([reduced.truth, reduced.predicted]):
            if number == BACKGROUND:
                continue
            truth, predicted = reduced.truth == number, reduced.predicted == number
            found[reduced.pool[int(number)]] = {
                'frames': int(truth.sum()),
                'predicted': int(predicted.sum()),
                'common': int((truth & predicted).sum()),
                'union': int((truth | predicted).sum()) if truth.any() else 0,
            }
        return found

    def ratios(self) -> dict[str, Ratio]:
        """Return the pooled scores."""
        return {
            'pooled/iou_micro': Ratio('common', 'union', 'all'),
            'pooled/iou_dataset_class': Ratio('common', 'union', 'class'),
        }


def _score(videos: Sequence[Timeline], *, background: bool) -> Scores:
    timelines = [(video.truth, video.predicted) for video in videos]
    return score_timelines(timelines, include_background=background)


def _truth(item: Mapping[str, Any], known: frozenset[str]) -> AlignedTruth:
    pool = [str(name) for name in item['pool']]
    orders = [_names(order) for order in item['transcripts']]
    pool += sorted({n for names in orders for n in names} - {*pool, BACKGROUND_NAME})
    index = {BACKGROUND_NAME: -1, **{name: i for i, name in enumerate(pool)}}
    num = len(item['frame_times_sec'])
    return AlignedTruth(
        video_id=item['video_id'],
        pool=tuple(pool),
        times_sec=np.asarray(item['frame_times_sec'], np.float64),
        labels=np.asarray(item['gt_labels'], np.int64),
        boxes_px=np.zeros((num, 4)),
        frame_size=(1, 1),
        class_order=(*pool, BACKGROUND_NAME),
        known_names=known - {BACKGROUND_NAME},
        length_is_known=item['tail_sec'] is None,
        transcripts=tuple(np.asarray([index[n] for n in names], np.int64) for names in orders),
    )


def _names(order: ClassLabels) -> list[str]:
    return [normalise_step_name(name) for name in order.names]
