"""What every metric of this library does with its units: none twice, and say how many there are."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from mmengine.evaluator import BaseMetric

from stgr.structures import Coverage


@dataclass(frozen=True)
class Unit:
    """What is scored once: a video, a clip, a sentence or an image.

    Args:
        name: Unique in an evaluation.
        num_frames: Frames that are scored; None: it has none that could be counted.
        num_boxes: True boxes that are scored; None likewise.
        video_id: The video it is a part of; None: it is one.
    """

    name: str
    num_frames: int | None = None
    num_boxes: int | None = None
    video_id: str | None = None


class UnitMetric(BaseMetric):
    """A metric that refuses a unit that comes twice and states what its scores cover.

    The annotated units and boxes are the ``num_items`` (where parts of a video are scored alone),
    else ``num_videos``, and the ``num_boxes`` of the data set's ``metainfo``, which the runner
    hands to every metric. Without these (records fed by hand) nobody knows what is annotated, and
    no coverage is stated.

    Attributes:
        coverage: Of the last evaluation; None before it, and where it is not known.
    """

    unit_noun: ClassVar[str] = 'videos'
    coverage: Coverage | None = None

    def cover(self, units: Sequence[Unit]) -> dict[str, float]:
        """Check the units of all ranks and return what they cover.

        Args:
            units: Of every sample of every rank.

        Returns:
            ``coverage/key`` of ``Coverage``; nothing if the data set does not say what it has.

        Raises:
            ValueError: If a unit comes twice, or more is scored than the data set says that it has
                annotated.
        """
        counts = Counter(unit.name for unit in units)
        twice = sorted(name for name, count in counts.items() if count > 1)
        if twice:
            raise ValueError(
                f'{len(twice)} {self.unit_noun} were scored more than once, such as {twice[0]!r}'
            )
        self.coverage = _coverage(self.dataset_meta or {}, units)
        return {} if self.coverage is None else self.coverage.to_scores()


def _coverage(dataset_meta: Mapping[str, Any], units: Sequence[Unit]) -> Coverage | None:
    annotated, scored = dataset_meta.get('num_items'), len(units)
    if annotated is None:
        annotated = dataset_meta.get('num_videos')
        scored = len({unit.video_id or unit.name for unit in units})
    if annotated is None:
        return None
    return Coverage(
        videos_annotated=annotated,
        videos_scored=scored,
        missing='left_out',
        boxes_annotated=dataset_meta.get('num_boxes'),
        boxes_scored=_sum([unit.num_boxes for unit in units]),
        frames_scored=_sum([unit.num_frames for unit in units]),
    )


def _sum(counts: Sequence[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None
