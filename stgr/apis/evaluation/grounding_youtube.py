"""GroundingYouTube, untrimmed: when, what and where in every second of a video."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from stgr.apis.evaluation.matching import MatchedVideo
from stgr.apis.evaluation.protocol import Counts, Ratio, ScoreGroup
from stgr.apis.evaluation.seconds_protocol import PlacesProtocol
from stgr.apis.evaluation.truth import NamedSegment, VideoTruth
from stgr.apis.evaluation_report.data import ReportSettings
from stgr.datasets.grounding_youtube import GroundingYouTube
from stgr.datasets.grounding_youtube_files import normalise_step_name
from stgr.evaluation.functional import (
    FrameFacts,
    TubeOutcomes,
    TubeSettings,
    count_classes,
    count_frames,
    reduce_record,
    score_task,
    tube_outcomes,
)

NEEDS = {
    'labels': (),
    'pointing': ('query_points',),
    'spatial': ('query_areas',),
    'iou_point': ('points',),
    'video_map': ('areas',),
}
SIZES, SEGMENTS, DURATIONS = 'id2wh_new.json', 'seg.json', 'durations.json'


@dataclass(frozen=True)
class GroundingYouTubeProtocol(PlacesProtocol):
    """Boxes and labels in the released files (see the data set ``GroundingYouTube``).

    The frame sizes, steps and durations are looked for beside the boxes. No annotation tells the
    length of a video: without durations it is the last annotated second plus ``pad_sec``, the same
    for every system.

    Args:
        sizes: Evaluation frame of each video; None: ``id2wh_new.json`` beside the boxes.
        segments: Steps, for instance tubes; None: ``seg.json`` beside the boxes if there is one.
        durations: JSON file ``{video_id: seconds}``; None: ``durations.json`` beside the boxes if
            there is one, else guess.
        pool: ``'video'``, ``'vid2step'`` (a file beside the boxes) or ``'global'``.
        pad_sec: See above.
        tube: See ``TubeSettings``, likewise the next three.
        overlap: See there.
        match_rule: Its ``match``.
        gap: See there.
    """

    sizes: str | None = None
    segments: str | None = None
    durations: str | None = None
    pool: str = 'video'
    pad_sec: int = 7
    tube: str = 'class'
    overlap: str = 'volume'
    match_rule: str = 'best_gt'
    gap: int = 0

    name: ClassVar[str] = 'grounding_youtube'
    summary: ClassVar[str] = 'untrimmed videos, a label and a box per second (box_anno.json)'
    headline: ClassVar[dict[str, str]] = {
        'labels/label_acc': 'label',
        'pointing/pointing_acc': 'pointing',
        'spatial/iou_hit_class': 'IoU>t class',
        'iou_point/iou_point_video_class': 'IoU+Point',
        'video_map/mAP@0.1:0.5': 'mAP 0.1:0.5',
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        _ = self.tubes

    @property
    def tubes(self) -> TubeSettings:
        """The reading of video mAP."""
        return TubeSettings(self.tube, self.overlap, self.match_rule, gap=self.gap)

    def read_truth(self, path: Path) -> list[VideoTruth]:
        """Read the boxes, and what lies beside them."""
        sizes, segments, durations = self._files(path)
        dataset = GroundingYouTube(
            '.',
            str(path),
            str(sizes),
            segments=None if segments is None else str(segments),
            steps=str(path.parent / 'vid2step.json'),
            videos_dir=None,
            durations=None if durations is None else str(durations),
            pool=self.pool,
            pad_sec=self.pad_sec,
        )
        return [truth_from_item(dataset[index]) for index in range(len(dataset))]

    def truth_files(self, path: Path) -> list[Path]:
        """Return boxes, sizes, steps, lengths and pools."""
        steps = path.parent / 'vid2step.json' if self.pool == 'vid2step' else None
        return [file for file in (path, *self._files(path), steps) if file is not None]

    def _files(self, path: Path) -> tuple[Path, Path | None, Path | None]:
        sizes = Path(self.sizes) if self.sizes else path.parent / SIZES
        return (
            sizes,
            _or_beside(self.segments, path, SEGMENTS),
            _or_beside(self.durations, path, DURATIONS),
        )

    def normalise_label(self, label: str) -> str:
        """Return the name without the spelling slips of the released files."""
        return normalise_step_name(label)

    def reduce(self, video: MatchedVideo) -> FrameFacts:
        """Compare every place with the box of its second."""
        return reduce_record(video.record, self.places())

    def groups(self) -> list[ScoreGroup]:
        """Return the five tasks."""
        return [
            ScoreGroup(
                task,
                partial(score_task, task=task, iou_threshold=self.iou_threshold, tubes=self.tubes),
                needs,
            )
            for task, needs in NEEDS.items()
        ]

    def count(self, reduced: FrameFacts) -> Counts:
        """Return counts of each class of one video."""
        return count_classes(reduced, iou_threshold=self.iou_threshold)

    def count_unit(self, reduced: FrameFacts) -> dict[str, int]:
        """Return counts of all seconds of one video."""
        return count_frames(reduced)

    def tubes_of(self, reduced: FrameFacts) -> dict[str, TubeOutcomes]:
        """Return the outcomes of the tubes of one video."""
        return {} if reduced.pred is None else tube_outcomes(reduced, self.tubes)

    def tube_groups(self) -> dict[str, tuple[float, ...]]:
        """Return the thresholds of video mAP."""
        return {'video_map': self.tubes.thresholds}

    def report_settings(self) -> ReportSettings:
        """Return the thresholds and the reading of tubes of the scores."""
        return ReportSettings(self.places(), self.tubes, iou_threshold=self.iou_threshold)

    def ratios(self) -> dict[str, Ratio]:
        """Return the scores that are ratios of counts."""
        return {
            'labels/label_acc': Ratio('right_frames', 'frames', 'unit'),
            'labels/label_acc_background': Ratio('right_background', 'background_frames', 'unit'),
            'labels/label_acc_action': Ratio('right_label', 'boxes', 'all'),
            'pointing/pointing_acc': Ratio('pointing_hits', 'boxes', 'all'),
            'pointing/pointing_acc_class': Ratio('pointing_hits', 'boxes', 'class'),
            'spatial/iou_hit_micro': Ratio('iou_hits', 'boxes', 'all'),
            'spatial/iou_hit_class': Ratio('iou_hits', 'boxes', 'class'),
            'iou_point/iou_point_micro': Ratio('points', 'union', 'all'),
            'iou_point/iou_point_dataset_class': Ratio('points', 'union', 'class'),
        }


def _or_beside(given: str | None, path: Path, name: str) -> Path | None:
    """Return the file that is given, else the one of that name beside another, if it is there."""
    beside = path.parent / name
    return Path(given) if given else (beside if beside.is_file() else None)


def truth_from_item(item: dict[str, Any]) -> VideoTruth:
    """Return the truth in an item of the data set.

    Actions that the pool lacks (``pool='vid2step'``) stand in it after those asked for, so that
    their boxes stay in the denominators; one counts as a miss unless it is predicted by its name.

    Args:
        item: See ``GroundingYouTube``.
    """
    return VideoTruth(
        video_id=item['video_id'],
        pool=(*item['pool'], *item['unasked']),
        times_sec=np.asarray(item['frame_times_sec'], np.float64),
        labels=np.asarray(item['gt_labels'], np.int64),
        boxes_px=np.asarray(item['boxes_px'], np.float64),
        frame_size=item['frame_size'],
        segments=[NamedSegment(s.first_sec, s.last_sec, s.step_name) for s in item['segments']],
        known_names=frozenset(s.step_name for s in item['segments']),
        length_is_known=item['pad_sec'] is None,
        num_asked=len(item['pool']),
    )
