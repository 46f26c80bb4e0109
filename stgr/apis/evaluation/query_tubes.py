"""One tube for one sentence: what the protocols of VidSTG and HC-STVG share."""

import zlib
from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from stgr.apis.evaluation.coverage import NAMES_KEPT, PlainCoverage
from stgr.apis.evaluation.matching_tubes import TubeMatch, name_queries, place_tube
from stgr.apis.evaluation.names import unknown_names
from stgr.apis.evaluation.protocol import Protocol, ScoreGroup, Scores
from stgr.apis.evaluation.truth_tubes import TubeTruth, truth_of_query
from stgr.datasets.tube_queries import KINDS, TubeQueries
from stgr.evaluation.functional import (
    GroundingRecord,
    QueryTube,
    TubeIoU,
    fit_constant_place,
    score_tube_overlaps,
    tube_iou,
)
from stgr.evaluation.functional.arrays import FloatArray
from stgr.evaluation.functional.controls import CENTRE_BOX, RANDOM_BOX
from stgr.io.predictions import PredictedTube, read_query_tubes

RULES = {
    'chance': 'a random span within the clip, a random box',
    'random': "the system's span, a random box in every frame",
    'centre_prior': "the system's span, a box of 0.5 W x 0.6 H in the middle of the frame",
    'best_constant_box': "the system's span, the constant box that fits these truths best",
    'whole_clip': 'the whole clip, the same centre box',
    'middle_third': 'the middle third of the clip, the same centre box',
    'true_span': 'the true span, the same centre box',
    'all_background': 'no tube, ever',
    'oracle': 'the truth itself',
}


@dataclass(frozen=True)
class QueryTubesProtocol(Protocol):
    """Sentences of a data set of ``TubeQueries``, each answered by one tube.

    A sampled frame takes the box of the predicted frame nearest to it, at most half a sampling
    period away, of two equally near ones the earlier; without one it has none. Frames within the
    true tube whose box is not annotated are not looked at. A true tube between two sampled frames
    is looked at in its middle frame, so that no query leaves the means.

    Args:
        sample_fps: Frames per second that are looked at (5: TubeDETR).
        max_frames: At most so many of a clip, evenly (200: TubeDETR).
    """

    sample_fps: float = 5.0
    max_frames: int = 200

    headline: ClassVar[dict[str, str]] = {
        'all/tiou': 'm_tIoU',
        'all/viou': 'm_vIoU',
        'all/viou@0.3': 'vIoU@0.3',
        'all/viou@0.5': 'vIoU@0.5',
        'all/siou': 'sIoU',
    }
    kinds: ClassVar[tuple[str, ...]] = ()  # groups of their own
    control_rules: ClassVar[Mapping[str, str]] = RULES
    controls_of_system: ClassVar[tuple[str, ...]] = ('random', 'centre_prior', 'best_constant_box')

    @abstractmethod
    def dataset(self, path: Path) -> TubeQueries:
        """Return the data set of a ground-truth file."""

    def read_truth(self, path: Path) -> list[TubeTruth]:
        """Read the tubes of all sentences on the frames that are looked at."""
        dataset = self.dataset(path)
        return [truth_of_query(dataset, query_id) for query_id in dataset.query_ids]

    def read_predictions(self, path: Path) -> list[PredictedTube]:
        """Read JSON lines, one per sentence."""
        return read_query_tubes(path)

    def match(
        self, truths: Sequence[TubeTruth], predictions: Sequence[PredictedTube]
    ) -> tuple[list[TubeMatch], PlainCoverage]:
        """Give each sentence its answer.

        Raises:
            ValueError: If a query or video is unknown, answered twice, or coordinates do not fit.
        """
        named, unknown = name_queries(truths, predictions)
        if unknown and self.unknown_videos == 'error':
            known = [truth.query_id for truth in truths] + [t.source_video_id for t in truths]
            raise ValueError(
                f'{predictions[0].source}: {unknown_names("queries", unknown, set(known))}; '
                'correct them, or drop them with --unknown-videos drop'
            )
        missing = [truth.query_id for truth in truths if truth.query_id not in named]
        if missing and self.missing == 'error':
            raise ValueError(
                f'{len(missing)} of {len(truths)} queries have no answer, such as {missing[0]!r}'
            )
        counts: Counter[str] = Counter()
        matched = [
            place_tube(truth, named.get(truth.query_id), self.sample_fps, counts)
            for truth in truths
        ]
        return matched, PlainCoverage(
            {
                'videos_annotated': len({truth.source_video_id for truth in truths}),
                'videos_predicted': len(
                    {truth.source_video_id for truth in truths if truth.query_id in named}
                ),
                'videos_scored': len({truth.source_video_id for truth in truths}),
                'queries_annotated': len(truths),
                'queries_predicted': len(named),
                'queries_missing': len(missing),
                'queries_dropped': len(unknown),
                'queries_between_samples': sum(truth.between_samples for truth in truths),
                'queries_without_box': sum(not truth.has_box for truth in truths),
                'frames_annotated': sum(len(truth.frames) for truth in truths),
                **{name: counts[name] for name in _COUNTED},
                'missing': missing[:NAMES_KEPT],
                'dropped': unknown[:NAMES_KEPT],
            },
        )

    def controls(self, matched: Sequence[TubeMatch]) -> dict[str, Iterator[TubeMatch]]:
        """Return the trivial predictors of spans and boxes, one sentence at a time."""
        constant = np.asarray(fit_constant_place([_record(m.truth) for m in matched]).box)
        middle = np.asarray([(1 - side) / 2 for side in CENTRE_BOX])
        centre = np.concatenate([middle, 1 - middle])
        changes: dict[str, Callable[[TubeMatch], TubeMatch]] = {
            'chance': partial(_random, seed=self.seed, own_span=False),
            'random': partial(_random, seed=self.seed, own_span=True),
            'centre_prior': partial(_constant, box=centre, span='own'),
            'best_constant_box': partial(_constant, box=constant, span='own'),
            'whole_clip': partial(_constant, box=centre, span='clip'),
            'middle_third': partial(_constant, box=centre, span='middle_third'),
            'true_span': partial(_constant, box=centre, span='true'),
            'all_background': lambda match: TubeMatch.nothing(match.truth),
            'oracle': lambda match: TubeMatch(match.truth, match.truth.span, match.truth.boxes_px),
        }
        return {name: map(changes[name], matched) for name in RULES}

    def reduce(self, video: TubeMatch) -> tuple[str, TubeIoU]:
        """Return the kind of the sentence and the overlaps of its tube."""
        truth = video.truth
        tube = QueryTube(
            truth.query_id, truth.frames, video.span, truth.span, video.boxes_px, truth.boxes_px
        )
        return truth.kind, tube_iou(tube)

    def groups(self) -> list[ScoreGroup]:
        """Return the scores of all sentences, and of each kind."""
        return [
            ScoreGroup(kind or 'all', partial(_score, kind=kind)) for kind in (None, *self.kinds)
        ]


_COUNTED = (
    'frames_predicted', 'frames_outside_clip', 'spans_outside_clip', 'queries_of_other_frame_size',
)  # fmt: skip
BOTH_KINDS = KINDS


def _score(queries: Sequence[tuple[str, TubeIoU]], *, kind: str | None) -> Scores:
    return score_tube_overlaps([iou for of, iou in queries if kind in (None, of)])


def _record(truth: TubeTruth) -> GroundingRecord:
    """Return the true boxes as a record, for the fit of a constant box."""
    num = len(truth.frames)
    inside = (truth.frames >= truth.span[0]) & (truth.frames < truth.span[1])
    nothing: Any = np.full(num, -1)
    return GroundingRecord(
        video_id=truth.video_id,
        pool=('it',),
        times_sec=truth.frames.astype(np.float64),
        gt_labels=np.where(inside, 0, -1),
        gt_boxes_px=truth.boxes_px,
        frame_size=truth.frame_size,
        pred_labels=nothing,
        pred_scores=np.zeros(num),
    )


def _constant(match: TubeMatch, *, box: FloatArray, span: str) -> TubeMatch:
    truth = match.truth
    start, end = truth.clip
    spans = {
        'own': match.span,
        'clip': truth.clip,
        'middle_third': (start + (end - start) / 3, start + 2 * (end - start) / 3),
        'true': truth.span,
    }
    boxes = np.tile(box * np.tile(truth.frame_size, 2), (len(truth.frames), 1))
    return replace(match, span=spans[span], boxes_px=boxes)


def _random(match: TubeMatch, *, seed: int, own_span: bool) -> TubeMatch:
    truth = match.truth
    generator = np.random.default_rng([seed, zlib.crc32(truth.video_id.encode())])
    start, end = np.sort(generator.uniform(*truth.clip, 2)).tolist()
    size = np.asarray(truth.frame_size, np.float64)
    extent = size * RANDOM_BOX
    corners = generator.random((len(truth.frames), 2)) * (size - extent)
    boxes = np.concatenate([corners, corners + extent], axis=1)
    return TubeMatch(truth, match.span if own_span else (start, end), boxes)
