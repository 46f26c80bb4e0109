"""What every protocol shares: settings, and groups of scores that say what they need."""

import difflib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, ClassVar

from stgr.apis.evaluation.coverage import Coverage, PlainCoverage
from stgr.apis.evaluation_report.data import ReportSettings
from stgr.evaluation.functional import TubeOutcomes
from stgr.io.predictions import read_predictions

Scores = dict[str, float]
Counts = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class ScoreGroup:
    """Scores that are computed together.

    Args:
        name: Such as ``iou_point``.
        score: From reduced videos to key -> value.
        needs: What predictions must say: 'points', 'areas', 'query_points', 'query_areas',
            'log_probs'; without it the group is left out, and that is reported.
        per_video: Whether each unit's own scores go into the output.
    """

    name: str
    score: Callable[[Sequence[Any]], Scores]
    needs: tuple[str, ...] = ()
    per_video: bool = True


@dataclass(frozen=True)
class Ratio:
    """A score that is a ratio of counts summed over videos, so that videos can be resampled.

    Args:
        numerator: Name of a count of ``Protocol.count``, or of ``Protocol.count_unit``.
        denominator: Likewise.
        over: ``'all'``: sum over everything; ``'class'``: mean over classes of each one's ratio;
            ``'unit'``: sum of the counts of units, which belong to no class.
    """

    numerator: str
    denominator: str
    over: str


@dataclass(frozen=True)
class Protocol(ABC):
    """How a benchmark reads its truth, matches predictions to it and scores them.

    A protocol is a frozen dataclass: its fields are its settings, each an option of
    ``stgr evaluate`` with the same name, all of them stored with the scores. What is scored, and
    resampled by ``stgr compare``, are units: videos, clips or queries.

    Args:
        missing: What a unit, or a second of it, without a prediction is: ``'background'`` (no
            action, no place, no answer: wrong), or ``'error'``.
        unknown_videos: Predicted units that the truth lacks: ``'error'``, or ``'drop'``.
        seed: Of random controls.

    Raises:
        ValueError: If a value is out of range or a name unknown.
    """

    missing: str = 'background'
    unknown_videos: str = 'error'
    seed: int = 0

    name: ClassVar[str]
    summary: ClassVar[str]
    headline: ClassVar[Mapping[str, str]]  # group/key -> head of its column
    control_rules: ClassVar[Mapping[str, str]]  # trivial predictor -> what it does
    controls_of_system: ClassVar[tuple[str, ...]] = ()  # those that change a part of the system's

    def __post_init__(self) -> None:
        for name, known in (
            ('missing', ('background', 'error')),
            ('unknown_videos', ('error', 'drop')),
        ):
            self.check_choice(name, known)

    def check_choice(self, name: str, known: Sequence[str]) -> None:
        """Raise ``ValueError`` if a setting is none of its known values."""
        if getattr(self, name) not in known:
            raise ValueError(
                f'{name} must be one of {tuple(known)}, but got {getattr(self, name)!r}'
            )

    @property
    def settings(self) -> dict[str, Any]:
        """All settings as JSON values."""
        return {key: list(v) if isinstance(v, tuple) else v for key, v in asdict(self).items()}

    @abstractmethod
    def read_truth(self, path: Path) -> Sequence[Any]:
        """Read the units of a ground-truth file, each with its name as ``video_id``.

        Raises:
            FileNotFoundError: If a file is missing.
            ValueError: If a file is broken; it is named, with the field.
        """

    def truth_files(self, path: Path) -> list[Path]:
        """Return every file that the truth is read from, for their checksums."""
        return [path]

    def truth_counts(self, path: Path) -> Mapping[str, int]:
        """Return what the truth leaves out, for the coverage."""
        del path
        return {}

    def columns(self) -> dict[str, str]:
        """Return the scores that are printed first: ``group/key`` -> head of the column."""
        return dict(self.headline)

    def read_predictions(self, path: Path) -> Sequence[Any]:
        """Read a file of predictions, see ``stgr.io.predictions``.

        Raises:
            FileNotFoundError: If there is nothing.
            ValueError: If it cannot be read; file and line or array are named.
        """
        return read_predictions(path)

    @abstractmethod
    def match(
        self, truths: Sequence[Any], predictions: Sequence[Any]
    ) -> tuple[list[Any], Coverage | PlainCoverage]:
        """Put predictions beside the truth: one matched unit per truth, in the same order.

        Raises:
            ValueError: If something does not fit and no rule allows it.
        """

    @abstractmethod
    def controls(self, matched: Sequence[Any]) -> Mapping[str, Iterable[Any]]:
        """Return the same units with the predictions of each trivial predictor, by its name."""

    @abstractmethod
    def reduce(self, video: Any) -> Any:
        """Return the little that the scores need of one matched unit: no heat maps, no masks."""

    @abstractmethod
    def groups(self) -> list[ScoreGroup]:
        """Return the scores, computed from what ``reduce`` returns."""

    def count(self, reduced: Any) -> Counts:
        """Return counts of each class of one unit, for the breakdown and for intervals."""
        del reduced
        return {}

    def count_unit(self, reduced: Any) -> Mapping[str, float]:
        """Return counts of one unit that belong to no class, background's among them."""
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

    def ranks_of(self, reduced: Any) -> Mapping[str, Sequence[float]]:
        """Return values of one unit whose median over all units is a score, by ``group/key``."""
        del reduced
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
