"""GroundingYouTube, single action: one step searched in a short window around it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from stgr.apis.evaluation.coverage import Coverage
from stgr.apis.evaluation.grounding_youtube import SEGMENTS, SIZES, truth_from_item
from stgr.apis.evaluation.matching import MatchedVideo
from stgr.apis.evaluation.protocol import Counts, Ratio, ScoreGroup, Scores
from stgr.apis.evaluation.seconds_protocol import PlacesProtocol
from stgr.apis.evaluation.truth import VideoTruth
from stgr.datasets.grounding_youtube_clips import GroundingYouTubeClips
from stgr.datasets.grounding_youtube_files import normalise_step_name
from stgr.evaluation.functional import (
    ClipFacts,
    TubeOutcomes,
    TubeSettings,
    reduce_clip,
    reduce_record,
    score_single_action,
)
from stgr.io.predictions import PredictedPlaces, VideoPrediction

CLIPS = 'ground_seg_3to20.json'


@dataclass(frozen=True)
class ClipTruth(VideoTruth):
    """The truth of one clip, a video of its own.

    Args:
        source_video_id: The video it is cut from.
    """

    source_video_id: str = ''


@dataclass(frozen=True)
class GroundingYouTubeClipsProtocol(PlacesProtocol):
    """Clips of the released list against boxes (see the data set ``GroundingYouTubeClips``).

    A clip is called ``<video>@<first>-<last>``, its seconds are those of the whole video. The
    predictions of a whole video count for each clip of it that has none of its own; other actions
    than the clip's are background there. Files are looked for beside the boxes.

    Args:
        clips: None: ``ground_seg_3to20.json``.
        sizes: None: ``id2wh_new.json``.
        segments: Steps, which with boxes and ``pad_sec`` tell the assumed length of a video; None:
            ``seg.json`` if there is one.
        durations: JSON file ``{video_id: seconds}``.
        pad_sec: Seconds after the last annotated one, where no length is known.
        min_sec: Shortest step.
        max_sec: Longest step.
        overlap: Of tubes, see ``tube_overlap``.
    """

    clips: str | None = None
    sizes: str | None = None
    segments: str | None = None
    durations: str | None = None
    pad_sec: int = 7
    min_sec: int = 3
    max_sec: int = 20
    overlap: str = 'volume'

    name: ClassVar[str] = 'grounding_youtube_clips'
    summary: ClassVar[str] = 'one action in a window of three times its length (single action)'
    headline: ClassVar[dict[str, str]] = {
        'single_action/iou_point': 'IoU+Point',
        'single_action/mAP@0.1': 'mAP 0.1',
        'single_action/mAP@0.3': 'mAP 0.3',
        'single_action/mAP@0.5': 'mAP 0.5',
        'single_action/mAP@0.1:0.5': 'mAP 0.1:0.5',
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        _ = self.tubes

    @property
    def tubes(self) -> TubeSettings:
        """The reading of video mAP."""
        return TubeSettings(overlap=self.overlap)

    def read_truth(self, path: Path) -> list[VideoTruth]:
        """Read the clips that have a box of their own action."""
        dataset = self._dataset(path)
        return [_truth(dataset[index]) for index in range(len(dataset))]

    def _dataset(self, path: Path) -> GroundingYouTubeClips:
        clips, sizes, segments = self._files(path)
        return GroundingYouTubeClips(
            '.',
            str(clips),
            min_sec=self.min_sec,
            max_sec=self.max_sec,
            boxes=str(path),
            sizes=str(sizes),
            segments=None if segments is None else str(segments),
            videos_dir=None,
            durations=self.durations,
            pad_sec=self.pad_sec,
        )

    def truth_files(self, path: Path) -> list[Path]:
        """Return boxes, clips, sizes, steps and lengths."""
        durations = None if self.durations is None else Path(self.durations)
        return [file for file in (path, *self._files(path), durations) if file is not None]

    def _files(self, path: Path) -> tuple[Path, Path, Path | None]:
        beside = path.parent / SEGMENTS
        segments = Path(self.segments) if self.segments else (beside if beside.is_file() else None)
        clips = Path(self.clips) if self.clips else path.parent / CLIPS
        return clips, Path(self.sizes) if self.sizes else path.parent / SIZES, segments

    def truth_counts(self, path: Path) -> dict[str, int]:
        """Return how many clips are listed, and how many of them are left out and why."""
        facts = self._dataset(path).metainfo
        return {
            'clips_listed': facts['num_clips_listed'],
            'clips_scored': facts['num_clips'],
            'clips_without_own_box': facts['num_clips_without_own_box'],
            'clips_of_other_length': facts['num_clips_of_other_length'],
        }

    def normalise_label(self, label: str) -> str:
        """Return the name without the spelling slips of the released files."""
        return normalise_step_name(label)

    def match(
        self, truths: Sequence[VideoTruth], predictions: Sequence[VideoPrediction]
    ) -> tuple[list[MatchedVideo], Coverage]:
        """Give each clip its own predictions, or its part of those of its video."""
        clips = [truth for truth in truths if isinstance(truth, ClipTruth)]
        named = {prediction.video_id for prediction in predictions}
        sources = {clip.source_video_id for clip in clips}
        parts = [one for one in predictions if one.video_id not in sources]
        for prediction in predictions:
            own = [
                self._part(prediction, clip)
                for clip in clips
                if clip.source_video_id == prediction.video_id and clip.video_id not in named
            ]
            parts += [part for part in own if len(part.times_sec)]
        return super().match(truths, parts)

    def _part(self, prediction: VideoPrediction, clip: ClipTruth) -> VideoPrediction:
        """Return what a video's prediction says of a clip."""
        times = prediction.times_sec - self.second_offset
        first, last = clip.times_sec[0] - self.near_sec, clip.times_sec[-1] + self.near_sec
        rows = np.flatnonzero((times >= first) & (times <= last))
        own = {clip.pool[0]}
        labels = [prediction.labels[row] for row in rows.tolist()]
        return replace(
            prediction,
            video_id=clip.video_id,
            times_sec=prediction.times_sec[rows],
            labels=[
                label if label is not None and self.normalise_label(label) in own else None
                for label in labels
            ],
            scores=prediction.scores[rows],
            places=_rows_of(prediction.places, rows),
            query_places=_rows_of(prediction.query_places, rows),
            log_probs=None,
            classes=None,
        )

    def reduce(self, video: MatchedVideo) -> ClipFacts:
        """Compare every place with the box of its second, and both tubes."""
        facts = reduce_record(video.record, self.places())
        step = video.truth.segments[0]
        found = reduce_clip(facts, step.first, step.last, step.label, overlap=self.overlap)
        assert found is not None, 'the data set drops clips without a box of their own'
        return found

    def groups(self) -> list[ScoreGroup]:
        """Return the one group of scores."""
        return [
            ScoreGroup('single_action', partial(_score, settings=self.tubes), ('points', 'areas'))
        ]

    def count(self, reduced: ClipFacts) -> Counts:
        """Return ``clips``, ``points`` and ``union`` of the clip's action."""
        return {reduced.label: {'clips': 1, 'points': reduced.num_hits, 'union': reduced.num_union}}

    def ratios(self) -> dict[str, Ratio]:
        """Return the score that is a ratio of counts."""
        return {'single_action/iou_point_micro': Ratio('points', 'union', 'all')}

    def tubes_of(self, reduced: ClipFacts) -> dict[str, TubeOutcomes]:
        """Return whether the clip's tube overlaps enough."""
        hits = [self.tubes.passes(np.array([reduced.overlap]), t) for t in self.tubes.thresholds]
        made = 0 if reduced.score is None else 1
        scores = np.asarray([reduced.score or 0.0][:made], np.float64)
        return {reduced.label: TubeOutcomes(1, scores, np.stack(hits, axis=1)[:made])}

    def tube_groups(self) -> dict[str, tuple[float, ...]]:
        """Return the thresholds of video mAP."""
        return {'single_action': self.tubes.thresholds}


def _score(clips: Sequence[ClipFacts], *, settings: TubeSettings) -> Scores:
    found = score_single_action(clips, settings)
    return {key: value for key, value in found.items() if key != 'num_unboxed_clips'}


def _truth(item: Mapping[str, Any]) -> ClipTruth:
    truth = truth_from_item(dict(item))
    return ClipTruth(**vars(truth), source_video_id=item['source_video_id'])


def _rows_of(places: PredictedPlaces | None, rows: np.ndarray) -> PredictedPlaces | None:
    if places is None:
        return None
    arrays = (places.heatmaps, places.points_px, places.boxes_px)
    maps, points, boxes = (None if one is None else one[rows] for one in arrays)
    masks = None if places.masks is None else tuple(places.masks[row] for row in rows.tolist())
    return PredictedPlaces(maps, points, boxes, masks)
