"""Metrics as plain functions: arrays in, numbers out."""

from stgr.evaluation.functional.alignment import (
    LengthPrior,
    align_transcript,
    append_background,
)
from stgr.evaluation.functional.bootstrap import (
    Interval,
    bootstrap_mean,
    bootstrap_statistic,
    bootstrap_weighted,
    paired_bootstrap,
)
from stgr.evaluation.functional.class_scores import (
    ClassScore,
    add_counts,
    count_classes,
    count_frames,
    score_each_class,
)
from stgr.evaluation.functional.confusion import (
    Confusion,
    Mistake,
    count_confusion,
    largest_confusions,
    merge_rare_classes,
)
from stgr.evaluation.functional.constant_place import (
    ConstantPlace,
    fit_constant_place,
    place_constant,
)
from stgr.evaluation.functional.controls import CONTROLS, Control, apply_control
from stgr.evaluation.functional.found import (
    balanced_weights,
    choose_min_score,
    score_found,
)
from stgr.evaluation.functional.frame_facts import FrameFacts, reduce_record, repoint_query
from stgr.evaluation.functional.frame_map import score_frame_map
from stgr.evaluation.functional.groups import ClassGroups, read_class_groups, score_groups
from stgr.evaluation.functional.iou_point import score_iou_point
from stgr.evaluation.functional.labels import (
    binary_auc,
    score_labels,
    score_temporal,
    score_timelines,
)
from stgr.evaluation.functional.masks import mask_areas
from stgr.evaluation.functional.multi_box import compare_with_boxes, score_boxed_images
from stgr.evaluation.functional.normalisation import normalise_maps
from stgr.evaluation.functional.per_video import TASKS, score_each_video, score_task
from stgr.evaluation.functional.place_facts import PlaceSettings
from stgr.evaluation.functional.places import BoxPlaces, HeatPlaces, MaskPlaces
from stgr.evaluation.functional.point_density import PointDensity, point_density
from stgr.evaluation.functional.points import heatmap_points
from stgr.evaluation.functional.pr_curves import (
    PrecisionRecall,
    precision_recall_per_class,
    precision_recall_pooled,
)
from stgr.evaluation.functional.query_tubes import (
    QueryTube,
    TubeIoU,
    score_query_tubes,
    score_tube_overlaps,
    tube_iou,
)
from stgr.evaluation.functional.ranking import average_precision
from stgr.evaluation.functional.records import GroundingRecord, record_from_mapping
from stgr.evaluation.functional.reliability import (
    Reliability,
    bin_equal_mass,
    bin_reliability,
    score_reliability,
)
from stgr.evaluation.functional.retrieval import (
    Ranking,
    rank_both_ways,
    rank_candidates,
    score_ranking,
    score_retrieval,
)
from stgr.evaluation.functional.single_action import ClipFacts, reduce_clip, score_single_action
from stgr.evaluation.functional.spatial import score_pointing, score_spatial
from stgr.evaluation.functional.threshold_sweeps import (
    SpatialSweep,
    TemporalSweep,
    reduce_best,
    sweep_iou,
    sweep_spatial,
    sweep_temporal,
)
from stgr.evaluation.functional.transcripts import (
    fit_length,
    spread_transcript,
    transcript_of,
)
from stgr.evaluation.functional.tube_table import TubeSettings
from stgr.evaluation.functional.tubes import instances_from_segments, tube_overlap
from stgr.evaluation.functional.unlabelled import ignore_unlabelled
from stgr.evaluation.functional.video_map import (
    TubeOutcomes,
    score_video_map,
    tube_outcomes,
)
from stgr.ops.upsampling import upsample_maps
from stgr.structures import BACKGROUND

__all__ = [
    'BACKGROUND',
    'CONTROLS',
    'TASKS',
    'BoxPlaces',
    'ClassGroups',
    'ClassScore',
    'ClipFacts',
    'Confusion',
    'ConstantPlace',
    'Control',
    'FrameFacts',
    'GroundingRecord',
    'HeatPlaces',
    'Interval',
    'LengthPrior',
    'MaskPlaces',
    'Mistake',
    'PlaceSettings',
    'PointDensity',
    'PrecisionRecall',
    'QueryTube',
    'Ranking',
    'Reliability',
    'SpatialSweep',
    'TemporalSweep',
    'TubeIoU',
    'TubeOutcomes',
    'TubeSettings',
    'add_counts',
    'align_transcript',
    'append_background',
    'apply_control',
    'average_precision',
    'balanced_weights',
    'bin_equal_mass',
    'bin_reliability',
    'binary_auc',
    'bootstrap_mean',
    'bootstrap_statistic',
    'bootstrap_weighted',
    'choose_min_score',
    'compare_with_boxes',
    'count_classes',
    'count_confusion',
    'count_frames',
    'fit_constant_place',
    'fit_length',
    'heatmap_points',
    'ignore_unlabelled',
    'instances_from_segments',
    'largest_confusions',
    'mask_areas',
    'merge_rare_classes',
    'normalise_maps',
    'paired_bootstrap',
    'place_constant',
    'point_density',
    'precision_recall_per_class',
    'precision_recall_pooled',
    'rank_both_ways',
    'rank_candidates',
    'read_class_groups',
    'record_from_mapping',
    'reduce_best',
    'reduce_clip',
    'reduce_record',
    'repoint_query',
    'score_boxed_images',
    'score_each_class',
    'score_each_video',
    'score_found',
    'score_frame_map',
    'score_groups',
    'score_iou_point',
    'score_labels',
    'score_pointing',
    'score_query_tubes',
    'score_ranking',
    'score_reliability',
    'score_retrieval',
    'score_single_action',
    'score_spatial',
    'score_task',
    'score_temporal',
    'score_timelines',
    'score_tube_overlaps',
    'score_video_map',
    'spread_transcript',
    'sweep_iou',
    'sweep_spatial',
    'sweep_temporal',
    'transcript_of',
    'tube_iou',
    'tube_outcomes',
    'tube_overlap',
    'upsample_maps',
]
