"""The worked example: three real videos, seeded random predictions, expected numbers."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from stgr.evaluation.functional.alignment import align_transcript
from stgr.evaluation.functional.compat import (
    ScriptSettings,
    reduce_as_released,
    score_grounding_script,
)
from stgr.evaluation.functional.frame_facts import PlaceSettings, reduce_record
from stgr.evaluation.functional.frame_map import score_frame_map
from stgr.evaluation.functional.iou_point import score_iou_point
from stgr.evaluation.functional.labels import score_temporal, score_timelines
from stgr.evaluation.functional.records import record_from_mapping
from stgr.evaluation.functional.single_action import reduce_clip, score_single_action
from stgr.evaluation.functional.spatial import score_pointing, score_spatial
from stgr.evaluation.functional.transcripts import transcript_of
from stgr.evaluation.functional.tube_table import TubeSettings
from stgr.evaluation.functional.tubes import instances_from_segments
from stgr.evaluation.functional.video_map import score_video_map

pytestmark = pytest.mark.golden
# thresholded masks: 2e-3; the rest 1e-6
MASKED = ('spatial/', 'video_map/', 'frame_map', 'single_action', 'official')


@pytest.fixture(scope='module')
def folder() -> Path:
    root = os.environ.get('STGR_GOLDEN_DIR')
    if not root:
        pytest.skip('set STGR_GOLDEN_DIR to the folder that holds metrics_tiny3')
    path = Path(root) / 'metrics_tiny3'
    if not path.is_dir():
        pytest.skip(f'{path} does not exist')
    return path


@pytest.fixture(scope='module')
def expected(folder):
    return json.loads((folder / 'expected.json').read_text())


@pytest.fixture(scope='module')
def videos(folder):
    return json.loads((folder / 'gt.json').read_text())['videos']


@pytest.fixture(scope='module')
def records(folder, videos):
    with np.load(folder / 'pred.npz') as arrays:
        return [_record(name, video, arrays) for name, video in videos.items()]


def _record(name, video, arrays):
    pool = [label for label in video['pool'] if label != 'background']
    index = {label: i for i, label in enumerate(pool)} | {'background': -1}
    labels, boxes = np.full(video['T'], -1), np.zeros((video['T'], 4))
    for second, frame in video['frames'].items():
        labels[int(second)] = index[frame['label']]
        boxes[int(second)] = frame['box']
    times = np.arange(video['T'], dtype=float)
    segments = [(s['start'], s['end'], index.get(s['label'], -1)) for s in video['segments']]
    return record_from_mapping(
        {
            'video_id': name,
            'pool': pool,
            'times': times,
            'gt_labels': labels,
            'gt_boxes_px': boxes,
            'gt_instances': instances_from_segments(labels, times, segments),
            'frame_size': (video['W'], video['H']),
            'pred_labels': np.array([index[str(label)] for label in arrays[f'{name}|label']]),
            'pred_scores': arrays[f'{name}|score'],
            'heatmaps': arrays[f'{name}|heat'],
            'gt_heatmaps': arrays[f'{name}|gtheat'],
        }
    )


def _facts(records, expected, point_mode='first'):
    config = expected['config']
    settings = PlaceSettings(config['thr'], config['norm'], point_mode)
    return [reduce_record(record, settings) for record in records]


def _assert_group(expected, name, actual, skip=()):
    tolerance = 2e-3 if name.startswith(MASKED) else 1e-6
    wanted = {k: v for k, v in expected['metrics'][name].items() if k not in skip}
    assert set(wanted) <= set(actual)
    assert {k: actual[k] for k in wanted} == pytest.approx(wanted, abs=tolerance, rel=0)
    counts = [k for k in wanted if k.startswith('num_')]
    assert [actual[k] for k in counts] == [wanted[k] for k in counts]


@pytest.mark.parametrize(
    ('group', 'mode'),
    [('upsample_first', 'first'), ('upsample_mean', 'tie_mean'), ('cell', 'cell_centre')],
)
def test_spatial_scores_equal_the_example(records, expected, group, mode):
    facts = _facts(records, expected, mode)
    actual = score_pointing(facts) | score_spatial(facts)
    _assert_group(expected, f'spatial/{group}', actual)


@pytest.mark.parametrize('background', ['exclude', 'include'])
@pytest.mark.parametrize('classes', ['gt', 'union'])
def test_iou_point_equals_the_example(records, expected, background, classes):
    actual = score_iou_point(
        _facts(records, expected), include_background=background == 'include', classes=classes
    )
    _assert_group(expected, f'iou_point/bg={background}/classes={classes}', actual)


@pytest.mark.parametrize('background', ['exclude', 'include'])
def test_framewise_temporal_scores_equal_the_example(records, expected, background):
    actual = score_temporal(_facts(records, expected), include_background=background == 'include')
    _assert_group(expected, f'temporal/framewise/bg={background}', actual)


@pytest.mark.parametrize('tube', ['class', 'instance'])
@pytest.mark.parametrize('overlap', ['volume', 'mean_union', 'tiou_siou'])
def test_video_map_equals_the_example(records, expected, tube, overlap):
    actual = score_video_map(_facts(records, expected), TubeSettings(tube, overlap))
    _assert_group(expected, f'video_map/{tube}/{overlap}', actual)


def test_video_map_with_joined_runs_and_free_matching_equals_the_example(records, expected):
    settings = TubeSettings('instance', match='best_free', gap=2)
    actual = score_video_map(_facts(records, expected), settings)
    _assert_group(expected, 'video_map/instance/volume/gap=2/best_free', actual)


def test_frame_map_equals_the_example(records, expected):
    _assert_group(expected, 'frame_map', score_frame_map(_facts(records, expected)))


@pytest.mark.parametrize('background', ['exclude', 'include'])
def test_aligned_temporal_scores_equal_the_example(folder, records, expected, background):
    timelines = []
    with np.load(folder / 'pred.npz') as arrays:
        for record in records:
            transcript = transcript_of(record.gt_labels)
            scores = arrays[f'{record.video_id}|logp'][:, transcript]  # -1: background is last
            timelines.append((record.gt_labels, transcript[align_transcript(scores)]))
    actual = score_timelines(timelines, include_background=background == 'include')
    _assert_group(expected, f'temporal/align/bg={background}', actual)


def test_single_action_clips_equal_the_example(records, expected, videos):
    facts = zip(_facts(records, expected), videos.values(), strict=True)
    clips = [
        reduce_clip(video, clip['start'], clip['end'], clip['label'])
        for video, truth in facts
        for clip in truth['clips']
    ]
    _assert_group(expected, 'single_action', score_single_action(clips))


def test_boxes_painted_as_released_equal_the_example(records, expected):
    settings = PlaceSettings(expected['config']['thr'], expected['config']['norm'])
    facts = [reduce_as_released(record, settings) for record in records]
    actual = score_pointing(facts) | score_spatial(facts)
    _assert_group(expected, 'spatial/compat_raster', actual)


def test_the_released_script_equals_the_example(records, expected, videos):
    clips = [[(s['start'], s['end']) for s in video['segments']] for video in videos.values()]
    settings = ScriptSettings(expected['config']['thr'], expected['config']['norm'])
    actual = score_grounding_script(list(zip(records, clips, strict=True)), settings)
    _assert_group(expected, 'official_script_compat', actual)
