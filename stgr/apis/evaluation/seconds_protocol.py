"""Protocols whose predictions are seconds of videos, with and without places."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from stgr.apis.evaluation.controls import MEANING, OF_SYSTEM, make_controls
from stgr.apis.evaluation.coverage import Coverage
from stgr.apis.evaluation.matching import (
    NEAR_SEC,
    MatchedVideo,
    MatchRules,
    match_predictions,
)
from stgr.apis.evaluation.protocol import Protocol
from stgr.apis.evaluation.truth import VideoTruth
from stgr.evaluation.functional import PlaceSettings
from stgr.evaluation.functional.normalisation import NORMALISATIONS
from stgr.evaluation.functional.points import POINT_MODES
from stgr.io.predictions import VideoPrediction


@dataclass(frozen=True)
class SecondsProtocol(Protocol):
    """A protocol whose truth is a ``VideoTruth`` and whose predictions are its seconds.

    Args:
        extra_seconds: See ``MatchRules``.
        second_offset: See there.
    """

    extra_seconds: str | None = None
    second_offset: float = 0.0

    near_sec: ClassVar[float] = NEAR_SEC
    pad_log_probs: ClassVar[bool] = False
    control_rules: ClassVar[Mapping[str, str]] = MEANING
    controls_of_system: ClassVar[tuple[str, ...]] = OF_SYSTEM

    def __post_init__(self) -> None:
        super().__post_init__()
        _ = self.rules

    @property
    def rules(self) -> MatchRules:
        """What happens to what does not fit."""
        return MatchRules(
            self.missing,
            self.extra_seconds,
            self.unknown_videos,
            self.second_offset,
            self.near_sec,
            self.pad_log_probs,
        )

    def normalise_label(self, label: str) -> str:
        """Return a predicted label in the spelling of the truth."""
        return label

    def match(
        self, truths: Sequence[VideoTruth], predictions: Sequence[VideoPrediction]
    ) -> tuple[list[MatchedVideo], Coverage]:
        """Put predictions beside the truth, see ``match_predictions``."""
        return match_predictions(truths, predictions, self.rules, normalise=self.normalise_label)


@dataclass(frozen=True)
class PlacesProtocol(SecondsProtocol):
    """A protocol that asks where, too.

    Args:
        mask_threshold: A heat map's mask is where it is >= this.
        heatmap_norm: Scaling of each map before that, see ``normalise_maps``.
        point_mode: Point of a heat map, see ``heatmap_points``.
        iou_threshold: Of a spatial hit.
    """

    mask_threshold: float = 0.01
    heatmap_norm: str = 'none'
    point_mode: str = 'first'
    iou_threshold: float = 0.3

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.mask_threshold < float('inf'):
            raise ValueError(f'mask_threshold must be > 0, but is {self.mask_threshold}')
        if not 0 < self.iou_threshold < 1:
            raise ValueError(f'iou_threshold must lie in (0, 1), but is {self.iou_threshold}')
        self.check_choice('heatmap_norm', NORMALISATIONS)
        self.check_choice('point_mode', POINT_MODES)

    def places(self, point_mode: str | None = None) -> PlaceSettings:
        """How heat maps become points and masks."""
        return PlaceSettings(self.mask_threshold, self.heatmap_norm, point_mode or self.point_mode)

    def controls(self, matched: Sequence[MatchedVideo]) -> Mapping[str, Iterable[Any]]:
        """Return the trivial predictors of labels and places."""
        return make_controls(matched, seed=self.seed, iou_threshold=self.iou_threshold)
