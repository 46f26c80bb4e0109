"""The page of an evaluation, from records to the file."""

import math
import re

import numpy as np
import pytest

from stgr.apis.evaluation_report.data import ReportData, ReportSettings
from stgr.apis.evaluation_report.page import score_columns, write_evaluation_report
from stgr.evaluation.functional import BoxPlaces, GroundingRecord, HeatPlaces, PlaceSettings

TITLES = [
    'Scores',
    'Best and worst videos',
    'Confusion of steps',
    'Precision and recall',
    'When: threshold and reliability',
    'Where: masks',
    'Where: points and boxes',
    'Best and worst classes',
    'All videos',
    'Settings',
]


def make_record(video_id='v', *, num=30, seed=0, pool=('crack egg', 'fry egg'), **changes):
    generator = np.random.default_rng(seed)
    maps = HeatPlaces(generator.random((num, 7, 7)))
    corners = generator.uniform(0, 50, (num, 2))
    best = generator.integers(0, max(len(pool), 1), num)
    scores = generator.random(num)
    values = {
        'video_id': video_id,
        'pool': pool,
        'times_sec': np.arange(num, dtype=float),
        'gt_labels': generator.integers(-1, len(pool), num),
        'gt_boxes_px': np.concatenate([corners, corners + 40], axis=1),
        'frame_size': (100, 100),
        'pred_labels': np.where(scores >= 0.4, best, -1),
        'pred_scores': scores,
        'pred_places': maps,
        'query_places': maps,
        'pred_best_labels': best,
    }
    return GroundingRecord(**(values | changes))


def write(records, tmp_path, scores=None, **options):
    path = write_evaluation_report(records, scores or {}, tmp_path / 'out', title='T', **options)
    return path.read_text('utf-8')


def section(page, title):
    return page.split(f'<h2>{title}</h2>')[1].split('</section>')[0]


def test_the_page_has_every_section_and_names_what_it_shows(tmp_path):
    records = [make_record(name, seed=i) for i, name in enumerate('abc')]
    page = write(records, tmp_path, {'system': {'iou_point/iou_point_video_class': 0.25}})

    assert re.findall('<h2>([^<]+)</h2>', page) == TITLES
    assert '3 videos · 90 frames' in page
    assert '25.0' in section(page, 'Scores')
    assert page.count('class="video"') == 3 + 3  # once among the cases, once among all
    assert 'class="note"' not in section(page, 'Where: masks')
    assert sorted(p.name for p in (tmp_path / 'out').iterdir()) == ['report.html']


def test_the_same_records_make_the_same_page(tmp_path):
    records = [make_record()]
    assert write(records, tmp_path) == write(records, tmp_path)


SILENT = {'pred_places': None, 'query_places': None}
NOWHERE = BoxPlaces(np.zeros((30, 2)), np.zeros((30, 4)))


@pytest.mark.parametrize(
    ('records', 'expected'),
    [
        ([], {'All videos': 'no videos', 'Confusion of steps': 'no frames'}),
        ([make_record(num=0)], {'Confusion of steps': 'no frames'}),
        (
            [make_record(gt_labels=np.full(30, -1))],
            {'Best and worst videos': 'No frame', 'Precision and recall': 'No frame'},
        ),
        (
            [
                make_record(
                    pool=(),
                    gt_labels=np.full(30, -1),
                    pred_labels=np.full(30, -1),
                    pred_best_labels=None,
                )
            ],
            {'Best and worst classes': 'No frame'},
        ),
        ([make_record(pred_labels=np.full(30, -1))], {'When: threshold': 'nothing was predicted'}),
        ([make_record(**SILENT)], {'Precision and recall': 'do not say', 'Where: masks': 'do not'}),
        ([make_record(pred_places=NOWHERE, query_places=NOWHERE)], {'Where: masks': 'Boxes'}),
        ([make_record(pool=('a',))], {'Confusion of steps': 'class="matrix"'}),
        ([make_record(pred_best_labels=None)], {'When: threshold': 'stay background'}),
        ([make_record(pred_scores=np.full(30, 0.7))], {'When: threshold': 'class="chart"'}),
        ([make_record(pred_scores=np.arange(30) - 15.0)], {'When: threshold': 'class="chart"'}),
    ],
    ids=[
        'no video',
        'no frame',
        'no action',
        'empty pool',
        'nothing predicted',
        'no places',
        'boxes',
        'one class',
        'no best labels',
        'one score',
        'cosines and worse',
    ],
)
def test_what_is_missing_is_said_where_its_picture_would_be(records, expected, tmp_path):
    page = write(records, tmp_path)
    for title, text in expected.items():
        whole = next(one for one in TITLES if one.startswith(title))
        assert text in section(page, whole), whole
    assert 'nan' not in re.sub(r'<script>.*</script>|base64,[^"]*', '', page, flags=re.S).lower()


def test_names_from_files_stay_texts(tmp_path):
    evil = '<img src=x onerror=alert(1)>'
    record = make_record(evil, pool=(evil, 'b'))
    page = write([record], tmp_path, {evil: {f'{evil}/{evil}': math.nan}}, facts={evil: evil})
    assert '<img' not in page
    assert page.count('&lt;img src=x') > 10


def test_a_video_given_twice_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="such as 'v'"):
        write([make_record(), make_record()], tmp_path)


def test_scores_of_the_metric_are_split_into_columns():
    flat = {
        'grounding/labels/label_acc': 0.5,
        'grounding/centre/labels/label_acc': 0.25,
        'grounding/num_videos': 3,
    }
    assert score_columns(flat) == {
        'system': {'labels/label_acc': 0.5, 'num_videos': 3.0},
        'centre': {'labels/label_acc': 0.25},
    }
    nested = {'ours': {'a/b': 1, 'name': 'x'}, 'chance': {'a/b': np.float64(0.5)}}
    assert score_columns(nested) == {'ours': {'a/b': 1.0}, 'chance': {'a/b': 0.5}}


def test_the_threshold_in_use_is_found_if_one_threshold_cuts_all_frames():
    settings = ReportSettings()
    record = make_record()  # cut at 0.4
    in_use = ReportData.of([record], settings).threshold_in_use
    assert in_use == record.pred_scores[record.pred_scores >= 0.4].min()
    mixed = make_record(pred_labels=np.tile([0, -1], 15), pred_scores=np.full(30, 0.5))
    assert ReportData.of([mixed], settings).threshold_in_use is None


def test_frames_without_a_place_below_the_threshold_are_counted():
    record = make_record()
    maps = record.pred_places.maps * (record.pred_labels >= 0)[:, None, None]
    empty = make_record(pred_places=HeatPlaces(maps))
    cut = int((record.pred_labels < 0).sum())
    assert ReportData.of([record], ReportSettings()).num_unplaced() == 0
    assert ReportData.of([empty], ReportSettings()).num_unplaced() == cut > 0


def test_the_facts_are_those_of_the_records_at_the_settings():
    from stgr.evaluation.functional import reduce_record, score_task

    records = [make_record(name, seed=i) for i, name in enumerate('abc')]
    places = PlaceSettings(0.6, 'minmax', 'tie_mean')
    data = ReportData.of(records, ReportSettings(places=places))
    direct = [reduce_record(record, places) for record in records]
    for task in ('labels', 'pointing', 'spatial', 'iou_point', 'video_map'):
        expected = score_task(direct, task)
        assert score_task(data.facts, task) == pytest.approx(expected, rel=0, nan_ok=True)


def test_maps_lie_over_the_mean_frame_of_the_videos_that_are_there(tmp_path):
    import av

    from stgr.apis.evaluation_report.mean_frame import mean_frame

    for name, gray in (('a', 40), ('b', 120)):
        with av.open(str(tmp_path / f'{name}.mp4'), 'w') as container:
            stream = container.add_stream('libx264', rate=5, options={'crf': '4'})
            stream.width, stream.height, stream.pix_fmt = 64, 48, 'yuv420p'
            for _ in range(10):
                picture = np.full((48, 64, 3), gray, np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format='rgb24')))
            container.mux(stream.encode())
    (tmp_path / 'broken.mp4').write_bytes(b'no video')
    picture, num = mean_frame(tmp_path, ['a', 'b', 'broken', 'missing'])
    assert num == 2
    assert picture.mean() == pytest.approx(80, abs=3)
    page = write([make_record('a')], tmp_path, videos_dir=tmp_path)
    assert 'mean frame of 1 videos' in section(page, 'Where: points and boxes')
    assert page.count('data:image/jpeg') == 2
    assert mean_frame(tmp_path, ['missing']) == (None, 0)
