"""Published anchors of single-action clips, the released scripts and YouCook-Interactions."""

from dataclasses import replace

import numpy as np
import pytest
import real_annotations

from stgr.evaluation.functional import (
    BoxPlaces,
    Control,
    HeatPlaces,
    PlaceSettings,
    apply_control,
    compare_with_boxes,
    reduce_clip,
    reduce_record,
    score_single_action,
)
from stgr.evaluation.functional.compat import ScriptSettings, score_grounding_script


@pytest.fixture(scope='module')
def records():
    return real_annotations.grounding_records()


@pytest.fixture(scope='module')
def clips():
    """Start, end and label of every clip of every video."""
    (rows,) = real_annotations.read_json('grounding_youtube', 'ground_seg_3to20.json')
    return {
        name: [(*row['segment'], row['sentence'].replace('_', ' ')) for row in of_video]
        for name, of_video in rows.items()
    }


def test_clips_with_a_box_of_their_own_label_are_counted(records, clips):
    facts = [reduce_clip(reduce_record(r), *c) for r in records for c in clips.get(r.video_id, [])]
    got = score_single_action(facts)
    assert (got['num_clips'], len(facts)) == (2739, 2869)


def _predicted(record, clip, rule, generator):
    """Predict the clip's label on some frames, boxed by a rule; scores are random."""
    start, end, name = clip
    label, times = record.pool.index(name), np.arange(record.num_frames)
    own = np.flatnonzero((record.gt_labels == label) & (times >= start) & (times <= end))
    window = np.flatnonzero((times >= 2 * start - end) & (times <= 2 * end - start))
    num = len(window)
    frames = {
        'own': own,
        'always': window,
        'middle': window[num // 3 : 2 * num // 3],
        'never': window[:0],
    }[rule[0]]
    labels = np.full(record.num_frames, -1)
    labels[frames] = label
    size = np.array([*record.frame_size] * 2)
    boxes = np.tile(size * {'centre': [0.3, 0.25, 0.7, 0.75]}.get(rule[1], [0, 0, 1, 1]), (1, 1))
    boxes = np.repeat(boxes, record.num_frames, axis=0)
    points = np.repeat([size[:2] / 2], record.num_frames, axis=0)
    if rule[1] == 'nearest' and len(own):
        boxes = record.gt_boxes_px[own[np.abs(times[:, None] - own).argmin(axis=1)]]
        points = (boxes[:, :2] + boxes[:, 2:]) / 2
    scores = generator.random(record.num_frames)
    places = BoxPlaces(points, boxes)
    return replace(record, pred_labels=labels, pred_scores=scores, pred_places=places)


@pytest.mark.parametrize(
    ('rule', 'iou_point', 'maps'),
    [
        (('own', 'nearest'), 99.9, (100, 100, 100, 100, 100)),
        (('always', 'nearest'), 29.7, (91.6, 71.2, 50.5, 7.3, 0.1)),
        (('always', 'centre'), 20.6, (59.0, 17.3, 0.5, 0, 0)),
        (('middle', 'centre'), 47.4, (81.7, 62.3, 40.4, 21.0, 7.5)),  # 47.3 was published
        (('always', 'full'), 20.6, (1.0, 0, 0, 0, 0)),
        (('never', 'full'), 0, (0, 0, 0, 0, 0)),
    ],
    ids=str,
)
def test_single_action_scores_of_trivial_predictors(records, clips, rule, iou_point, maps):
    generator, facts = np.random.default_rng(0), []
    for record in records[::5]:
        for clip in clips.get(record.video_id, []):
            if clip[2] in record.pool:
                changed = _predicted(record, clip, rule, generator)
                facts.append(reduce_clip(reduce_record(changed), *clip))
    got = score_single_action(facts)
    assert got['num_clips'] == 578
    assert 100 * got['iou_point'] == pytest.approx(iou_point, abs=0.051)
    assert [100 * got[f'mAP@{t}'] for t in (0.1, 0.2, 0.3, 0.4, 0.5)] == pytest.approx(
        maps, abs=1.2
    )


@pytest.fixture(scope='module')
def any_click():
    """Records of the boxes that the code's README names, and the clips of seg.json."""
    boxes, sizes, segments = real_annotations.read_json(
        'grounding_youtube', 'id2xy_box.json', 'id2wh_new.json', 'seg.json'
    )
    return [
        (
            real_annotations.grounding_record(name, _rows(boxes[name]), sizes[name], rows),
            [tuple(row['segment']) for row in rows],
        )
        for name, rows in ((name, segments[name]) for name in sorted(boxes))
    ]


def _rows(boxes):
    return [{'second': int(s), 'box': box, 'step_name': 'any'} for s, box in boxes.items()]


@pytest.mark.parametrize(
    ('places', 'wanted', 'tolerance'),
    [('truth', 99.69, 0.0051), ('centre', 61.69, 0.0051), ('random', 16.19, 1.2)],
)
def test_the_released_pointing_script_on_the_readme_s_boxes(any_click, places, wanted, tolerance):
    control = Control('background', places)
    videos = [(apply_control(record, control), clips) for record, clips in any_click]
    got = score_grounding_script(videos)
    assert got['num_valid'] == 17_812
    assert 100 * got['localization_accuracy'] == pytest.approx(wanted, abs=tolerance)


def test_the_script_sees_black_frames_at_the_end_of_clips(any_click, records):
    # every real map misses, the black one covers and hits almost everything: hits are black frames
    nothing = np.zeros((2, 2))
    nothing[1, 1] = 1
    share = {}
    segments = {record.video_id: clips for record, clips in any_click}
    sources = {'any click': any_click, 'agree': [(r, segments[r.video_id]) for r in records]}
    for name, videos in sources.items():
        black = real = 0
        for record, clips in videos:
            maps = np.broadcast_to(nothing, (record.num_frames, 2, 2))
            sample = replace(
                record,
                gt_boxes_px=np.tile([0.0, 0, 9, 9], (record.num_frames, 1)),
                query_places=HeatPlaces(maps),
            )
            got = score_grounding_script(
                [(sample, clips)], ScriptSettings(black_map=np.fliplr(np.flipud(nothing)))
            )
            black += round(got['localization_accuracy'] * got['num_valid'])
            real += got['num_valid']
        share[name] = (black, real)
    # 3 boxes of each set come after a multiple of 16 seconds and are scored with the map before
    assert share == {'any click': (3_311 - 3, 17_812), 'agree': (2_482 - 3, 17_531)}


NATIVE = {
    '30Q8k57Kbz4',
    'FzhJGCaaYVs',
    'oJZUxU9szWA',
    '4Y8vVGsv4JE',
    'vU2lND4YQjM',
    'WYAFPvlDB_A',
    '1vJp-jaIaeE',
}


@pytest.mark.parametrize(
    ('point', 'all_videos', 'without_native'),
    [((320, 180), 28.8, 30.0), ((311, 264), 51.0, 53.45)],
)
def test_constant_points_on_youcook_interactions(point, all_videos, without_native):
    videos, boxes = real_annotations.youcook_boxes()
    places = BoxPlaces(np.tile(np.array(point, float), (len(boxes), 1)), boxes)
    facts = compare_with_boxes(places, list(boxes[:, None]), (10_000, 10_000), PlaceSettings())
    kept = ~np.isin(videos, list(NATIVE))
    assert (len(boxes), int((~kept).sum())) == (2_496, 151)
    assert 100 * facts.hit.mean() == pytest.approx(all_videos, abs=0.051)
    assert 100 * facts.hit[kept].mean() == pytest.approx(without_native, abs=0.051)
