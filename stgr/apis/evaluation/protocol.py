"""What every protocol shares: settings, and groups of scores that say what they need."""

import difflib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, ClassVar

from stgr.apis.evaluation.coverage import Coverage
from stgr.apis.evaluation.matching import MatchedVideo, MatchRules, match_predictions
from stgr.apis.evaluation.truth import VideoTruth
from stgr.apis.evaluation_report_data import ReportSettings
from stgr.evaluation.functional import PlaceSettings, TubeOutcomes
from stgr.evaluation.functional.normalisation import NORMALISATIONS
from stgr.evaluation.functional.points import POINT_MODES
from stgr.io.predictions import VideoPrediction

Scores = dict[str, float]
Counts = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class ScoreGroup:
    """Scores that are computed together.

    Args:
        name: Such as ``iou_point``.
        score: From reduced videos to key -> value.
        needs: What predictions must say: 'points', 'areas', 'query_points', 'query_areas',
            'log_probs'; without it the group is left out, and that is reported.
        per_video: Whether each video's own scores go into the output.
    """

    name: str
    score: Callable[[Sequence[Any]], Scores]
    needs: tuple[str, ...] = ()
    per_video: bool = True


@dataclass(frozen=True)
class Ratio:
    """A score that is a ratio of counts summed over videos, so that videos can be resampled.

    Args:
        numerator: Name of a count of ``Protocol.count``.
        denominator: Likewise.
        over: ``'all'``: sum over everything; ``'class'``: mean over classes of each one's ratio.
    """

    numerator: str
    denominator: str
    over: str


@dataclass(frozen=True)
class Protocol(ABC):
    """How a benchmark reads its truth, matches predictions to it and scores them.

    A protocol is a frozen dataclass: its fields are its settings, each an option of
    ``stgr evaluate`` with the same name, all of them stored with the scores.

    Args:
        mask_threshold: A heat map's mask is where it is >= this.
        heatmap_norm: Scaling of each map before that, see ``normalise_maps``.
        point_mode: Point of a heat map, see ``heatmap_points``.
        iou_threshold: Of a spatial hit.
        missing: See ``MatchRules``, likewise the next three.
        extra_seconds: See there.
        unknown_videos: See there.
        second_offset: See there.
        seed: Of random controls.

    Raises:
        ValueError: If a value is out of range or a name unknown.
    """

    mask_threshold: float = 0.01
    heatmap_norm: str = 'none'
    point_mode: str = 'first'
    iou_threshold: float = 0.3
    missing: str = 'background'
    extra_seconds: str | None = None
    unknown_videos: str = 'error'
    second_offset: float = 0.0
    seed: int = 0

    name: ClassVar[str]
    summary: ClassVar[str]
    headline: ClassVar[Mapping[str, str]]  # group/key -> head of its column

    def __post_init__(self) -> None:
        if not 0 < self.mask_threshold < float('inf'):
            raise ValueError(f'mask_threshold must be > 0, but is {self.mask_threshold}')
        if not 0 < self.iou_threshold < 1:
            raise ValueError(f'iou_threshold must lie in (0, 1), but is {self.iou_threshold}')
        for name, known in (('heatmap_norm', NORMALISATIONS), ('point_mode', POINT_MODES)):
            if getattr(self, name) not in known:
                raise ValueError(f'{name} must be one of {known}, but is {getattr(self, name)!r}')
        _ = self.rules

    @property
    def rules(self) -> MatchRules:
        """What happens to what does not fit."""
        return MatchRules(self.missing, self.extra_seconds, self.unknown_videos, self.second_offset)

    def places(self, point_mode: str | None = None) -> PlaceSettings:
        """How heat maps become points and masks."""
        return PlaceSettings(self.mask_threshold, self.heatmap_norm, point_mode or self.point_mode)

    @property
    def settings(self) -> dict[str, Any]:
        """All settings as JSON values."""
        return {key: list(v) if isinstance(v, tuple) else v for key, v in asdict(self).items()}

    @abstractmethod
    def read_truth(self, path: Path) -> list[VideoTruth]:
        """Read the videos of a ground-truth file.

        Raises:
            FileNotFoundError: If a file is missing.
            ValueError: If a file is broken; it is named, with the field.
        """

    def truth_files(self, path: Path) -> list[Path]:
        """Return every file that the truth is read from, for their checksums."""
        return [path]

    def normalise_label(self, label: str) -> str:
        """Return a predicted label in the spelling of the truth."""
        return label

    def match(
        self, truths: Sequence[VideoTruth], predictions: Sequence[VideoPrediction]
    ) -> tuple[list[MatchedVideo], Coverage]:
        """Put predictions beside the truth, see ``match_predictions``."""
        return match_predictions(truths, predictions, self.rules, normalise=self.normalise_label)

    @abstractmethod
    def reduce(self, video: MatchedVideo) -> Any:
        """Return the little that the scores need of one video: no heat maps, no masks."""

    @abstractmethod
    def groups(self) -> list[ScoreGroup]:
        """Return the scores, computed from what ``reduce`` returns."""

    def count(self, reduced: Any) -> Counts:
        """Return counts of each class of one video, for the breakdown and for intervals."""
        del reduced
        return {}

    def extra_coverage(self, videos: Sequence[Any]) -> Mapping[str, int]:
        """Return further counts of what was scored, from what ``reduce`` returned."""
        del videos
        return {}

    def tubes_of(self, reduced: Any) -> Mapping[str, TubeOutcomes]:
        """Return which predicted tubes of one video find a true one, by class."""
        del reduced
        return {}

    def tube_groups(self) -> Mapping[str, Sequence[float]]:
        """Return the groups whose video mAP follows from these tubes, with their thresholds."""
        return {}

    def report_settings(self) -> ReportSettings:
        """Return how the pictures of ``--report`` are made.

        Raises:
            ValueError: If the protocol has no such page, which shows a label and a place at every
                second.
        """
        raise ValueError(
            f'--report shows a label and a place at every second, which the protocol {self.name!r} '
            'does not have; leave it out and read --json'
        )

    def ratios(self) -> Mapping[str, Ratio]:
        """Return which scores are ratios of these counts: ``group/key`` -> ratio."""
        return {}


def build_protocol(kinds: Mapping[str, type[Protocol]], name: str, options: Any) -> Protocol:
    """Return a protocol with its settings.

    Args:
        kinds: The protocols by name.
        name: Which one.
        options: Setting -> value, only those that were given.

    Raises:
        ValueError: If there is no such protocol, it has no such setting, or a value is wrong.
    """
    if name not in kinds:
        near = difflib.get_close_matches(name, kinds, n=1)
        hint = f'did you mean {near[0]!r}? ' if near else ''
        raise ValueError(f'protocol {name!r} is unknown; {hint}there are {", ".join(kinds)}')
    known = {field.name for field in fields(kinds[name])}
    foreign = sorted(set(options) - known)
    if foreign:
        shown = ', '.join('--' + option.replace('_', '-') for option in foreign)
        raise ValueError(f'protocol {name!r} has no option {shown}; it has {sorted(known)}')
    return kinds[name](**options)
