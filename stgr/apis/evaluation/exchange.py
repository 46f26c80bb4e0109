"""The exchange layout: a small ground truth of its own, and every score of the library."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from stgr.apis.evaluation.matching import MatchedVideo
from stgr.apis.evaluation.protocol import Counts, Ratio, ScoreGroup, Scores
from stgr.apis.evaluation.seconds_protocol import PlacesProtocol
from stgr.apis.evaluation.truth import NamedSegment, VideoTruth
from stgr.apis.evaluation_report.data import ReportSettings
from stgr.evaluation.functional import (
    ClipFacts,
    FrameFacts,
    GroundingRecord,
    TubeOutcomes,
    TubeSettings,
    align_transcript,
    count_classes,
    reduce_clip,
    reduce_record,
    repoint_query,
    score_frame_map,
    score_iou_point,
    score_pointing,
    score_single_action,
    score_spatial,
    score_temporal,
    score_timelines,
    score_video_map,
    transcript_of,
    tube_outcomes,
)
from stgr.evaluation.functional.arrays import FloatArray, IntArray
from stgr.evaluation.functional.compat import (
    ScriptSettings,
    reduce_as_released,
    score_grounding_script,
)
from stgr.io.checked_json import JsonNode, read_json
from stgr.structures import BACKGROUND_NAME

SPATIAL_MODES = {'upsample_first': 'first', 'upsample_mean': 'tie_mean', 'cell': 'cell_centre'}
_CLIP_COUNTS = ('num_unboxed_clips', 'num_classes', 'num_det')  # not in the layout's scores
OVERLAPS = ('volume', 'mean_union', 'tiou_siou')


@dataclass(frozen=True)
class ExchangeVideo:
    """What the scores need of one video.

    Args:
        truth: What is true.
        facts: Of the point mode asked for.
        by_mode: The same, with the places of the true labels by each point mode.
        released: Of boxes painted as the released scripts do, places of the true labels only.
        record: With the places of the true labels only, for the released script.
        log_probs: (T, C) in the order of the truth's ``class_order``, or None.
    """

    truth: VideoTruth
    facts: FrameFacts
    by_mode: dict[str, FrameFacts]
    released: FrameFacts
    record: GroundingRecord
    log_probs: FloatArray | None


@dataclass(frozen=True)
class ExchangeProtocol(PlacesProtocol):
    """``gt.json`` of the exchange layout; heat maps are normalised per frame (threshold 0.02)."""

    mask_threshold: float = 0.02

    name: ClassVar[str] = 'exchange'
    summary: ClassVar[str] = 'gt.json with boxes, steps, clips and pools of each video'
    headline: ClassVar[dict[str, str]] = {
        'spatial/upsample_first/pointing_acc': 'pointing',
        'spatial/upsample_first/iou_hit_class': 'IoU>t class',
        'temporal/framewise/bg=exclude/iou': 'temporal IoU',
        'iou_point/bg=exclude/classes=gt/iou_point_video_class': 'IoU+Point',
        'video_map/class/volume/mAP@0.1:0.5': 'mAP 0.1:0.5',
    }

    def read_truth(self, path: Path) -> list[VideoTruth]:
        """Read ``gt.json``."""
        videos = read_json(path)['videos']
        if not isinstance(videos.value, dict):
            raise ValueError(f'{videos.where} must be an object of videos')
        return [_video(video_id, videos[video_id]) for video_id in videos.value]

    def reduce(self, video: MatchedVideo) -> ExchangeVideo:
        """Compare every place with the box of its second, once per point mode."""
        facts = reduce_record(video.record, self.places())
        query_only = replace(video.record, pred_places=None)
        by_mode = {
            mode: facts if mode == self.point_mode else repoint_query(facts, video.record, mode)
            for mode in SPATIAL_MODES.values()
        }
        released = reduce_as_released(query_only, self.places('first'))
        return ExchangeVideo(
            video.truth, facts, by_mode, released, query_only, log_probs=video.log_probs
        )

    def groups(self) -> list[ScoreGroup]:
        """Return every group of scores."""
        return [
            *self._spatial_groups(),
            *_iou_point_groups(),
            *_temporal_groups(),
            *_video_map_groups(),
            ScoreGroup('frame_map', _on_facts(score_frame_map), ('areas',), per_video=False),
            ScoreGroup('single_action', _score_clips, ('points', 'areas')),
            ScoreGroup(
                'official_script_compat',
                partial(
                    _score_script, settings=ScriptSettings(self.mask_threshold, self.heatmap_norm)
                ),
                ('query_points', 'query_areas'),
                per_video=False,
            ),
        ]

    def extra_coverage(self, videos: Sequence[ExchangeVideo]) -> dict[str, int]:
        """Return how many clips there are, and how many of them have a box of their own step."""
        boxed = [_has_box(video.truth, clip) for video in videos for clip in video.truth.clips]
        return {'clips_annotated': len(boxed), 'clips_scored': sum(boxed)}

    def _spatial_groups(self) -> list[ScoreGroup]:
        modes = [
            ScoreGroup(
                f'spatial/{name}',
                partial(_score_spatial, mode=mode, iou_threshold=self.iou_threshold),
                ('query_points', 'query_areas'),
                per_video=mode == 'first',
            )
            for name, mode in SPATIAL_MODES.items()
        ]
        painted = partial(_score_released, iou_threshold=self.iou_threshold)
        needs = ('query_points', 'query_areas')
        return [*modes, ScoreGroup('spatial/compat_raster', painted, needs, per_video=False)]

    def count(self, reduced: ExchangeVideo) -> Counts:
        """Return counts of each class of one video."""
        return count_classes(reduced.facts, iou_threshold=self.iou_threshold)

    def tubes_of(self, reduced: ExchangeVideo) -> dict[str, TubeOutcomes]:
        """Return the outcomes of the class tubes of one video."""
        return {} if reduced.facts.pred is None else tube_outcomes(reduced.facts)

    def tube_groups(self) -> dict[str, tuple[float, ...]]:
        """Return the thresholds of video mAP."""
        return {'video_map/class/volume': TubeSettings().thresholds}

    def report_settings(self) -> ReportSettings:
        """Return the thresholds of the scores, with class tubes and overlap by volume."""
        return ReportSettings(self.places(), iou_threshold=self.iou_threshold)

    def ratios(self) -> dict[str, Ratio]:
        """Return the scores that are ratios of counts."""
        spatial, point = 'spatial/upsample_first', 'iou_point/bg=exclude/classes=gt'
        found = {
            f'{spatial}/iou_hit_micro': Ratio('iou_hits', 'boxes', 'all'),
            f'{spatial}/iou_hit_class': Ratio('iou_hits', 'boxes', 'class'),
            f'{point}/iou_point_micro': Ratio('points', 'union', 'all'),
            f'{point}/iou_point_dataset_class': Ratio('points', 'union', 'class'),
        }
        if self.point_mode == 'first':
            found[f'{spatial}/pointing_acc'] = Ratio('pointing_hits', 'boxes', 'all')
            found[f'{spatial}/pointing_acc_class'] = Ratio('pointing_hits', 'boxes', 'class')
        return found


def _score_spatial(videos: Sequence[ExchangeVideo], *, mode: str, iou_threshold: float) -> Scores:
    facts = [video.by_mode[mode] for video in videos]
    return score_pointing(facts) | score_spatial(facts, iou_threshold=iou_threshold)


def _score_released(videos: Sequence[ExchangeVideo], *, iou_threshold: float) -> Scores:
    facts = [video.released for video in videos]
    return score_pointing(facts) | score_spatial(facts, iou_threshold=iou_threshold)


def _score_script(videos: Sequence[ExchangeVideo], *, settings: ScriptSettings) -> Scores:
    """Score as the released script, whose clips are all segments."""
    pairs = [
        (video.record, [(int(one.first), int(one.last)) for one in video.truth.segments])
        for video in videos
    ]
    return score_grounding_script(pairs, settings)


def _score_clips(videos: Sequence[ExchangeVideo]) -> Scores:
    """Score the clips that have a box of their own step; the coverage counts all of them."""
    found = score_single_action([clip for video in videos for clip in _clips_of(video)])
    return {key: value for key, value in found.items() if key not in _CLIP_COUNTS}


def _clips_of(video: ExchangeVideo) -> list[ClipFacts | None]:
    clips = video.truth.clips
    return [reduce_clip(video.facts, one.first, one.last, one.label) for one in clips]


def _has_box(truth: VideoTruth, clip: NamedSegment) -> bool:
    inside = (truth.times_sec >= clip.first) & (truth.times_sec <= clip.last) & (truth.labels >= 0)
    return any(truth.pool[number] == clip.label for number in truth.labels[inside])


def _align(video: ExchangeVideo) -> tuple[IntArray, IntArray]:
    """Return true and aligned labels; without log-probabilities the labels are the alignment."""
    truth = video.facts.gt_labels
    if video.log_probs is None:
        return truth, video.facts.pred_labels
    order = {name: i for i, name in enumerate(video.truth.class_order)}
    columns = np.asarray([order[name] for name in (*video.truth.pool, BACKGROUND_NAME)])
    transcript = transcript_of(truth)
    scores = video.log_probs[:, columns[transcript]]  # label -1 is the last: background
    return truth, transcript[align_transcript(scores)]


def _score_alignment(videos: Sequence[ExchangeVideo], *, include_background: bool) -> Scores:
    timelines = [_align(video) for video in videos]
    return score_timelines(timelines, include_background=include_background)


def _on_facts(score: Any, **settings: Any) -> Any:
    """Return the same score of exchange videos as of their facts."""

    def scored(videos: Sequence[ExchangeVideo]) -> Scores:
        found: Scores = score([video.facts for video in videos], **settings)
        return found

    return scored


def _iou_point_groups() -> list[ScoreGroup]:
    return [
        ScoreGroup(
            f'iou_point/bg={background}/classes={classes}',
            _on_facts(score_iou_point, include_background=background == 'include', classes=classes),
            ('points',),
            per_video=(background, classes) == ('exclude', 'gt'),
        )
        for background in ('exclude', 'include')
        for classes in ('gt', 'union')
    ]


def _temporal_groups() -> list[ScoreGroup]:
    groups = []
    for background in ('exclude', 'include'):
        include = background == 'include'
        align = partial(_score_alignment, include_background=include)
        groups += [
            ScoreGroup(
                f'temporal/framewise/bg={background}',
                _on_facts(score_temporal, include_background=include),
            ),
            ScoreGroup(f'temporal/align/bg={background}', align, ('log_probs',)),
        ]
    return groups


def _video_map_groups() -> list[ScoreGroup]:
    readings = {
        f'{tube}/{overlap}': TubeSettings(tube, overlap)
        for tube in ('class', 'instance')
        for overlap in OVERLAPS
    }
    readings['instance/volume/gap=2/best_free'] = TubeSettings('instance', match='best_free', gap=2)
    return [
        ScoreGroup(
            f'video_map/{name}',
            _on_facts(score_video_map, settings=settings),
            ('areas',),
            per_video=name == 'class/volume',
        )
        for name, settings in readings.items()
    ]


def _video(video_id: str, node: JsonNode) -> VideoTruth:
    names = tuple(name.text() for name in node['pool'].items())
    pool = tuple(name for name in names if name != BACKGROUND_NAME)
    if len(set(names)) < len(names):
        raise ValueError(f'{node.where}.pool names an action twice')
    if BACKGROUND_NAME not in names:
        raise ValueError(
            f'{node.where}.pool lacks {BACKGROUND_NAME!r}; its order is that of the '
            'log-probabilities'
        )
    num, size = node['T'].integer(), (node['W'].integer(), node['H'].integer())
    if num < 1 or min(size) < 1:
        raise ValueError(f'{node.where}: T, W and H must be > 0, but are {num}, {size}')
    labels, boxes = np.full(num, -1, np.int64), np.zeros((num, 4))
    frames = node['frames']
    if not isinstance(frames.value, dict):
        raise ValueError(f'{frames.where} must be an object of seconds')
    for key in frames.value:
        second = int(key) if key.isdecimal() and key.isascii() else -1
        if str(second) != key or not 0 <= second < num:
            raise ValueError(f'{frames.where}: {key!r} is not a second of 0..{num - 1}')
        labels[second], boxes[second] = _frame(frames[key], pool)
    segments, clips = _segments(node['segments']), _segments(node['clips'])
    return VideoTruth(
        video_id=video_id,
        pool=pool,
        times_sec=np.arange(num, dtype=np.float64),
        labels=labels,
        boxes_px=boxes,
        frame_size=size,
        segments=segments,
        clips=clips,
        class_order=names,
        known_names=frozenset(segment.label for segment in segments),
    )


def _frame(node: JsonNode, pool: tuple[str, ...]) -> tuple[int, FloatArray]:
    label = node['label'].text()
    if label not in pool:
        raise ValueError(f'{node.where}.label {label!r} is not in the pool of the video')
    box = node['box'].array('float64')
    if box.shape != (4,):
        raise ValueError(f'{node.where}.box needs 4 numbers, but has {len(box)}')
    return pool.index(label), box


def _segments(node: JsonNode) -> list[NamedSegment]:
    return [
        NamedSegment(one['start'].number(), one['end'].number(), one['label'].text())
        for one in node.items()
    ]
