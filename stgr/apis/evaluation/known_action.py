"""Where a known action is seen: boxed frames, the name of the action being told."""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any, ClassVar

import numpy as np

from stgr.apis.evaluation.controls import nowhere
from stgr.apis.evaluation.coverage import Coverage, seen_at
from stgr.apis.evaluation.matching import MatchedVideo
from stgr.apis.evaluation.places import NOWHERE
from stgr.apis.evaluation.protocol import Counts, Ratio, ScoreGroup, Scores
from stgr.apis.evaluation.seconds_protocol import PlacesProtocol
from stgr.apis.evaluation.truth import VideoTruth
from stgr.datasets.daly import DALY
from stgr.datasets.vhico import VHICO
from stgr.evaluation.functional import (
    BoxPlaces,
    Control,
    GroundingRecord,
    HeatPlaces,
    MaskPlaces,
    apply_control,
    compare_with_boxes,
    fit_constant_place,
    place_constant,
    score_boxed_images,
)
from stgr.evaluation.functional.arrays import BoolArray, FloatArray, IntArray
from stgr.evaluation.functional.boxes import box_areas, clip_boxes, raster_boxes
from stgr.evaluation.functional.place_facts import PlaceFacts
from stgr.evaluation.functional.places import Places
from stgr.io.predictions import VideoPrediction
from stgr.structures.run_lengths import encode_mask

RULES = {
    'random': 'a random point and box',
    'centre_prior': "the frame's centre and a box of 0.5 W x 0.6 H around it",
    'best_constant_box': 'the constant point and box that fit these truths best (where a frame has '
    'several boxes, the box around them)',
    'all_background': 'no place, ever',
    'oracle': 'the truth itself',
}


@dataclass(frozen=True)
class BoxedTruth(VideoTruth):
    """The truth of one video whose frames may have several boxes each.

    Args:
        regions_px: Boxes of each of the T frames, (n, 4); ``boxes_px`` is the box around them.
        rows: Frames that are scored, in order, (R,); one may come twice.
    """

    regions_px: tuple[FloatArray, ...] = ()
    rows: IntArray | None = None

    @property
    def scored(self) -> IntArray:
        """Frames that are scored, (R,)."""
        return np.arange(len(self.labels)) if self.rows is None else self.rows


@dataclass(frozen=True)
class BoxedFrames:
    """What the scores need of the R scored frames of one video.

    Args:
        labels: Name of the action of each.
        facts: Places against boxes.
        predicted: Frames with a place, (R,).
    """

    labels: tuple[str, ...]
    facts: PlaceFacts
    predicted: BoolArray


@dataclass(frozen=True)
class KnownActionProtocol(PlacesProtocol):
    """Pointing, hit rates and AP of the places of the true action, frame by frame.

    The place is that of ``query_...`` in the predictions. A file without any, such as the answers
    of ``stgr ground``, says where it sees the action that it predicts: that counts on frames where
    it is the action asked for.

    Args:
        ap_classes: Mean of AP over ``'all'`` classes, or over the ``'predicted'`` ones (V-HICO's
            rule: a class without any prediction leaves the mean).
    """

    ap_classes: str = 'all'

    headline: ClassVar[dict[str, str]] = {
        'pointing/pointing_acc': 'pointing',
        'spatial/iou_hit_class': 'IoU>t class',
        'spatial/iou_hit_micro': 'IoU>t micro',
        'spatial/ap_class_all': 'AP',
        'spatial/ap_class_hico10': 'AP V-HICO',
    }
    control_rules: ClassVar[Mapping[str, str]] = RULES
    controls_of_system: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_choice('ap_classes', ('all', 'predicted'))

    @abstractmethod
    def read_truth(self, path: Any) -> list[VideoTruth]:
        """Read the boxed frames of each video, as ``BoxedTruth``."""

    def match(
        self, truths: Sequence[VideoTruth], predictions: Sequence[VideoPrediction]
    ) -> tuple[list[MatchedVideo], Coverage]:
        """Match seconds, and take places of right labels where none is of the action asked for."""
        matched, coverage = super().match(truths, predictions)
        if 'query_points' not in coverage.given and 'points' in coverage.given:
            own = [what for what in ('areas', 'points') if what in coverage.given]
            coverage.given += [f'query_{what}' for what in own]
            coverage.videos_placed_by_label = coverage.videos_predicted
            matched = [_placed_by_label(video) for video in matched]
        boxed = [_boxed(video.truth) for video in matched]
        regions = [
            (clip_boxes(boxes, truth.frame_size), row)
            for truth in boxed
            for row, boxes in enumerate(truth.regions_px)
        ]
        seen = [_seen(video)[_boxed(video.truth).scored] for video in matched]
        coverage.boxes_annotated = sum(len(boxes) for boxes, _ in regions)
        coverage.boxes_empty = sum(int((box_areas(boxes) == 0).sum()) for boxes, _ in regions)
        coverage.boxes_with_predicted_place = 0
        coverage.boxes_with_query_place = int(sum(one.sum() for one in seen))
        coverage.frames_without_box = sum(
            not len(boxes) for truth in boxed for boxes in truth.regions_px
        )
        return matched, coverage

    def controls(self, matched: Sequence[MatchedVideo]) -> dict[str, Iterator[MatchedVideo]]:
        """Return the trivial predictors of places, one video at a time."""
        truths = [video.truth for video in matched]
        constant = fit_constant_place(
            [truth.record() for truth in truths], iou_threshold=self.iou_threshold
        )
        rules = {'random': Control('own', 'random'), 'centre_prior': Control('own', 'centre')}
        changes: dict[str, Callable[[VideoTruth], GroundingRecord]] = {
            name: partial(_controlled, rule=rule, seed=self.seed) for name, rule in rules.items()
        }
        changes['best_constant_box'] = lambda truth: place_constant(truth.record(), constant)
        changes['all_background'] = nowhere
        changes['oracle'] = lambda truth: truth.record(query_places=_true_places(truth))
        return {name: map(partial(_changed, change=changes[name]), truths) for name in RULES}

    def reduce(self, video: MatchedVideo) -> BoxedFrames:
        """Compare every place with the boxes of its frame."""
        truth = _boxed(video.truth)
        places = video.record.query_places or nowhere(truth).query_places
        assert places is not None, 'a record without places has those of nowhere'
        facts = compare_with_boxes(places, truth.regions_px, truth.frame_size, self.places())
        rows = truth.scored
        chosen = {one.name: getattr(facts, one.name)[rows] for one in fields(facts)}
        names = tuple(truth.pool[truth.labels[row]] for row in rows.tolist())
        return BoxedFrames(names, PlaceFacts(**chosen), _seen(video)[rows])

    def groups(self) -> list[ScoreGroup]:
        """Return pointing, and what needs areas."""
        return [
            ScoreGroup('pointing', partial(self._score, pointing=True), ('query_points',)),
            ScoreGroup('spatial', partial(self._score, pointing=False), ('query_areas',)),
        ]

    def _score(self, videos: Sequence[BoxedFrames], *, pointing: bool) -> Scores:
        names = [name for video in videos for name in video.labels]
        index = {name: i for i, name in enumerate(sorted(set(names)))}
        found = score_boxed_images(
            _joined([video.facts for video in videos]),
            np.asarray([index[name] for name in names], np.int64),
            iou_threshold=self.iou_threshold,
            predicted=np.concatenate([np.zeros(0, bool), *(video.predicted for video in videos)]),
            drop_unpredicted=self.ap_classes == 'predicted',
        )
        if pointing:
            kept = ('pointing_acc', 'pointing_acc_class', 'num_frames', 'num_classes')
            return {key: found[key] for key in kept}
        return {key: value for key, value in found.items() if not key.startswith('pointing')}

    def count(self, reduced: BoxedFrames) -> Counts:
        """Return ``frames``, ``pointing_hits`` and ``iou_hits`` of each action."""
        labels = np.asarray(reduced.labels)
        hit = reduced.facts.hit & reduced.predicted
        overlaps = (reduced.facts.iou > self.iou_threshold) & reduced.predicted
        return {
            str(name): {
                'frames': int((labels == name).sum()),
                'pointing_hits': int((hit & (labels == name)).sum()),
                'iou_hits': int((overlaps & (labels == name)).sum()),
            }
            for name in np.unique(labels)
        }

    def ratios(self) -> dict[str, Ratio]:
        """Return the scores that are ratios of counts."""
        return {
            'pointing/pointing_acc': Ratio('pointing_hits', 'frames', 'all'),
            'pointing/pointing_acc_class': Ratio('pointing_hits', 'frames', 'class'),
            'spatial/iou_hit_micro': Ratio('iou_hits', 'frames', 'all'),
            'spatial/iou_hit_class': Ratio('iou_hits', 'frames', 'class'),
        }


def truths_of_frames(dataset: DALY | VHICO) -> list[VideoTruth]:
    """Return the truth of a data set whose items have the keys of ``framewise_truth``.

    Frames without a box are not scored.
    """
    return [_of_frames(dataset[index]) for index in range(len(dataset))]


def _of_frames(item: Mapping[str, Any]) -> BoxedTruth:
    return BoxedTruth(
        video_id=item['video_id'],
        pool=tuple(item['pool']),
        times_sec=np.asarray(item['frame_times_sec'], np.float64),
        labels=np.asarray(item['gt_labels'], np.int64),
        boxes_px=np.asarray(item['boxes_px'], np.float64),
        frame_size=item['frame_size'],
        length_is_known=False,
        regions_px=tuple(np.asarray(boxes, np.float64) for boxes in item['region_boxes_px']),
        rows=np.flatnonzero(item['eval_mask']),
    )


def _controlled(truth: VideoTruth, *, rule: Control, seed: int) -> GroundingRecord:
    return apply_control(truth.record(), rule, seed=seed)


def _changed(truth: VideoTruth, *, change: Callable[[VideoTruth], GroundingRecord]) -> MatchedVideo:
    return MatchedVideo(truth, change(truth))


def _boxed(truth: VideoTruth) -> BoxedTruth:
    assert isinstance(truth, BoxedTruth), 'read_truth made it'
    return truth


def _seen(video: MatchedVideo) -> BoolArray:
    return seen_at(video.record.query_places, video.record.num_frames)


def _placed_by_label(video: MatchedVideo) -> MatchedVideo:
    record = video.record
    right = record.pred_labels == record.gt_labels
    places = record.pred_places
    taken = None if places is None else _kept(places, right)
    return replace(video, record=replace(record, query_places=taken))


def _kept(places: Places, kept: BoolArray) -> Places:
    """Return places of some frames, none on the others."""
    if isinstance(places, HeatPlaces):
        return HeatPlaces(places.maps * kept[:, None, None])
    points = np.where(kept[:, None], places.points_px, NOWHERE)
    if isinstance(places, MaskPlaces):
        pairs = zip(places.masks, kept.tolist(), strict=True)
        return MaskPlaces(points, [mask if keep else None for mask, keep in pairs])
    return BoxPlaces(points, places.boxes_px * kept[:, None], places.scores)


def _true_places(truth: VideoTruth) -> Places:
    """Return the union of the boxes of each frame, pointing at the middle of the first."""
    boxed = _boxed(truth)
    solid = [boxes[box_areas(boxes) > 0] for boxes in boxed.regions_px]
    first = np.asarray([boxes[0] if len(boxes) else np.zeros(4) for boxes in solid]).reshape(-1, 4)
    none = np.asarray([not len(boxes) for boxes in solid], np.bool_)
    points = np.where(none[:, None], NOWHERE, (first[:, :2] + first[:, 2:]) / 2)
    if all(len(boxes) <= 1 for boxes in solid):
        return BoxPlaces(points, first)
    width, height = boxed.frame_size
    masks = []
    for boxes in solid:
        mask = np.zeros((height, width), np.bool_)
        for x1, y1, x2, y2 in raster_boxes(boxes, boxed.frame_size).astype(int).tolist():
            mask[y1:y2, x1:x2] = True
        masks.append(encode_mask(mask))
    return MaskPlaces(points, masks)


def _joined(facts: Sequence[PlaceFacts]) -> PlaceFacts:
    def join(name: str) -> np.ndarray:
        return np.concatenate([getattr(one, name) for one in facts])

    if not facts:
        return PlaceFacts(np.zeros(0, np.bool_), *(np.zeros(0) for _ in range(4)))
    return PlaceFacts(**{one.name: join(one.name) for one in fields(PlaceFacts)})
