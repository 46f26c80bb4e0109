"""What the pictures of an evaluation are drawn from: records reduced once, and settings."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from stgr.evaluation.functional import (
    BACKGROUND,
    FrameFacts,
    GroundingRecord,
    HeatPlaces,
    PlaceSettings,
    TubeSettings,
    reduce_best,
    score_iou_point,
    score_temporal,
)

FloatArray = NDArray[np.float64]


NO_ACTION = 'No frame has a true action, so there is nothing to draw here.'


@dataclass(frozen=True)
class ReportSettings:
    """How the pictures are made.

    Args:
        places: How heat maps become points and masks.
        tubes: Reading of video mAP.
        iou_threshold: Of a spatial hit.
        tube_threshold: Overlap at which precision and recall are drawn.
        num_thresholds: Steps of the sweeps.
        num_bins: Of the reliability diagrams.
        num_confused: Classes of the confusion matrix; the others are added up.
        num_curves: Classes with a curve of their own.
        num_cases: Best and worst videos and classes shown.
    """

    places: PlaceSettings = field(default_factory=PlaceSettings)
    tubes: TubeSettings = field(default_factory=TubeSettings)
    iou_threshold: float = 0.3
    tube_threshold: float = 0.3
    num_thresholds: int = 20
    num_bins: int = 10
    num_confused: int = 20
    num_curves: int = 18
    num_cases: int = 4


@dataclass(frozen=True)
class ReportData:
    """The records and what they are reduced to.

    Args:
        records: Truth and predictions of each video.
        facts: Their facts.
        best_facts: The facts if nothing were background to the system, see ``reduce_best``.
        settings: How the pictures are made.
    """

    records: Sequence[GroundingRecord]
    facts: Sequence[FrameFacts]
    best_facts: Sequence[FrameFacts]
    settings: ReportSettings

    @classmethod
    def of(cls, records: Sequence[GroundingRecord], settings: ReportSettings) -> Self:
        """Reduce the records; maps are looked at once for both kinds of facts."""
        best = [reduce_best(record, settings.places) for record in records]
        pairs = zip(best, records, strict=True)
        facts = [replace(one, pred_labels=record.pred_labels) for one, record in pairs]
        return cls(records, facts, best, settings)

    @property
    def has_places(self) -> bool:
        """Whether every video that predicts an action says where."""
        return all(
            video.pred is not None or not (video.pred_labels != BACKGROUND).any()
            for video in self.facts
        )

    @property
    def score_name(self) -> str:
        """What videos are ranked by."""
        return 'IoU+Point' if self.has_places else 'temporal IoU'

    @cached_property
    def video_scores(self) -> FloatArray:
        """Score of each video, (V,); NaN if it has no true action."""
        if self.has_places:
            scores = [score_iou_point([v])['iou_point_video_class'] for v in self.facts]
        else:
            scores = [score_temporal([v])['iou'] for v in self.facts]
        return np.asarray(scores, np.float64)

    @property
    def ranking(self) -> list[int]:
        """Videos with a score, best first; among equal ones those of few actions first."""
        scores = self.video_scores
        defined = np.flatnonzero(~np.isnan(scores)).tolist()
        actions = [int(video.action.sum()) for video in self.facts]
        return sorted(defined, key=lambda i: (-scores[i], actions[i], self.facts[i].video_id))

    @property
    def frame_scores(self) -> FloatArray:
        """Scores of all frames, (N,)."""
        return np.concatenate([np.zeros(0), *(video.pred_scores for video in self.facts)])

    @property
    def threshold_in_use(self) -> float | None:
        """The background threshold, if one cuts all frames as the system did: its lowest action."""
        scores = self.frame_scores
        labels = np.concatenate([np.zeros(0), *(video.pred_labels for video in self.facts)])
        fired = labels != BACKGROUND
        if fired.all() or not fired.any() or scores[~fired].max() >= scores[fired].min():
            return None
        return float(scores[fired].min())

    def score_thresholds(self) -> FloatArray:
        """Return background thresholds that cut equal shares of the frames, ascending."""
        return _spread(self.frame_scores, self.settings.num_thresholds, self.threshold_in_use)

    def mask_thresholds(self, values: FloatArray) -> FloatArray:
        """Return mask thresholds that cut equal shares of the cells of maps, ascending."""
        return _spread(values, self.settings.num_thresholds, self.settings.places.mask_threshold)

    def num_unplaced(self) -> int:
        """Return the frames called background whose best action has no place."""
        count = 0
        for record, best in zip(self.records, self.best_facts, strict=True):
            cut = (record.pred_labels == BACKGROUND) & (best.pred_labels != BACKGROUND)
            if best.pred is not None:
                empty = best.pred.place_px == 0
                if isinstance(record.pred_places, HeatPlaces):
                    empty = record.pred_places.maps.max(axis=(1, 2)) <= 0
                count += int((cut & empty).sum())
        return count


def _spread(values: FloatArray, count: int, extra: float | None) -> FloatArray:
    """Return quantiles of the values, and one more threshold if it lies among them."""
    if not len(values):
        return np.zeros(0)
    found = np.quantile(values, np.linspace(0, 0.995, count))
    if extra is not None and values.min() <= extra <= values.max():
        found = np.append(found, extra)
    return np.unique(found)
