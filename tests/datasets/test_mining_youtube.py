"""MiningYouTube: strings to classes, two orders of classes, frames, transcripts, bad files."""

import os
import warnings
from pathlib import Path

import numpy as np
import pytest

from stgr.apis.model_hub import load_config
from stgr.datasets import MiningYouTube
from stgr.datasets.class_order import ClassLabels, read_class_list, read_mapping
from stgr.datasets.mining_youtube_files import (
    Step,
    class_of_step,
    label_native_frames,
    label_times,
    read_class_lengths,
    read_steps,
    read_transcripts,
    read_video_list,
    transcript_of,
)
from stgr.registry import DATASETS, METRICS

REAL = Path(os.environ.get('STGR_DATA_ROOT', 'not set')) / 'annotations' / 'mining_youtube'
needs_real = pytest.mark.skipif(not REAL.is_dir(), reason='STGR_DATA_ROOT has no MiningYouTube')

_CLASSES = (
    'add_leave add_pancake add_topp add_top crack_egg cut_chili flip_omelette pres_it saute_it'
)
_SRT = (
    '1\r\n00:00:01,000 --> 00:00:03,000\r\ncrack_eggs\r\n\r\n'
    '2\r\n00:00:04,500 --> 00:00:06,001\r\nflip_them_omellete\r\n\r\n'
    '3\r\n00:00:06,001 --> 00:00:07,000\r\ncrack_egg\r\n'
)


@pytest.fixture
def root(tmp_path, write_json):
    names = [*_CLASSES.split(), 'background']
    (tmp_path / 'weakYouTube_dict.txt').write_text(''.join(f'{name} \n' for name in names))
    turned = [*reversed(names[:-1]), 'background']
    lines = ''.join(f'{i} {name}\n' for i, name in enumerate(turned))
    (tmp_path / 'mapping_without_meta.txt').write_text(lines)
    (tmp_path / 'srt').mkdir()
    (tmp_path / 'srt' / '-v.srt').write_bytes(b'\xef\xbb\xbf' + _SRT.encode())
    (tmp_path / 'srt' / 'w.srt').write_text('1\n00:00:00,000 --> 00:00:02,000\npress_it\n')
    (tmp_path / 'videos_test.txt').write_text('w\n-v\n')
    return tmp_path


@pytest.fixture
def order(root):
    return read_class_list(root / 'weakYouTube_dict.txt')


def build(root, **changes):
    return MiningYouTube(str(root), 'srt', **{'videos_dir': None, 'tail_sec': 2, **changes})


def test_an_item_is_a_video_with_the_class_of_every_frame(root):
    item = build(root)[1]

    assert item['video_id'] == '-v'
    # The last step ends at 7 s, and 2 s to the assumed end: seconds 0 to 8.
    assert item['frame_times_sec'].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8]
    assert (item['duration_sec'], item['tail_sec'], item['video_path']) == (9.0, 2.0, None)
    bg, crack, flip = 'background', 'crack_egg', 'flip_omelette'
    assert item['classes'].names == [bg, crack, crack, bg, bg, flip, flip, bg, bg]
    assert item['transcript'].names == [bg, crack, bg, flip, bg]
    assert item['pool'] == ['crack egg', 'flip omelette']
    assert item['labels'] == [
        None,
        *['crack egg'] * 2,
        None,
        None,
        *['flip omelette'] * 2,
        None,
        None,
    ]
    assert item['gt_labels'].tolist() == [-1, 0, 0, -1, -1, 1, 1, -1, -1]
    assert [step.raw_name for step in item['steps']][:2] == ['crack_eggs', 'flip_them_omellete']


def test_a_finer_rate_shows_the_step_between_seconds(root):
    item = build(root, fps=10)[1]

    assert len(item['classes']) == 90
    # 6.001 s: the frame at 6.0 is still flipped, those from 6.1 on are cracked, 7.0 is not.
    assert (
        item['classes'].names[58:72]
        == ['flip_omelette'] * 3 + ['crack_egg'] * 9 + ['background'] * 2
    )
    assert item['transcript'].names[3:5] == ['flip_omelette', 'crack_egg']


def test_the_global_pool_is_the_class_list_without_background(root, order):
    item = build(root, pool='global')[1]

    assert item['pool'] == [name.replace('_', ' ') for name in order.names[:-1]]
    real = item['gt_labels'] >= 0
    np.testing.assert_array_equal(item['gt_labels'][real], item['classes'].in_order(order)[real])


def test_lists_choose_the_videos(root):
    assert [item['video_id'] for item in build(root)] == ['w', '-v']
    assert [item['video_id'] for item in build(root, videos=None)] == ['-v', 'w']
    (root / 'videos_test.txt').write_text('w\nx\n')
    with pytest.raises(ValueError, match=r"no steps of 1 videos of .*_test\.txt, such as 'x'"):
        len(build(root))


def test_a_known_length_takes_the_place_of_the_tail(root, write_json):
    write_json('durations.json', {'-v': 4.5, 'w': 3})

    item = build(root, durations='durations.json')[1]

    assert (item['duration_sec'], item['tail_sec']) == (4.5, None)
    assert item['classes'].names == ['background', *['crack_egg'] * 2, *['background'] * 2]


# Steps as rows of start and end in ms and class; the classes expected at seconds 0, 1, 2, 3.
@pytest.mark.parametrize(
    ('rows', 'expected', 'reason'),
    [
        ([(1000, 2000, 'x')], '.x..', 'a step begins with its start and ends before its end'),
        ([(999, 1001, 'x')], '.x..', 'a moment is enough'),
        ([(1001, 1999, 'x')], '....', 'between two frames nothing is seen'),
        ([(2000, 1000, 'x')], '....', 'it ends before it begins'),
        ([(1000, 1000, 'x')], '....', 'it has no length'),
        ([(0, 3000, 'x'), (1500, 9999, 'y')], 'xxyy', 'of two at once the later one'),
        ([], '....', 'no step at all'),
    ],
)
def test_frames_are_labelled_by_what_happens_at_their_time(order, rows, expected, reason):
    names = {'x': 'crack_egg', 'y': 'pres_it', '.': 'background'}
    steps = [Step(start, end, '', names[name]) for start, end, name in rows]

    found = label_times(steps, np.arange(4.0), order)

    assert found.names == [names[name] for name in expected], reason


def test_native_frames_are_numbered_as_in_the_released_labels(order):
    times_ms = (1000, 2000, 'crack_egg'), (2040, 2080, 'pres_it'), (400, 400, 'saute_it')
    steps = [Step(start, end, '', name) for start, end, name in times_ms]

    found = label_native_frames(steps, 25.0, 60, order)

    # Frames 25 to 50 and 51 to 52, counted from 1.
    assert found.names.index('crack_egg') == 24
    assert found.names.count('crack_egg') == 26
    assert np.flatnonzero(np.array(found.names) == 'pres_it').tolist() == [50, 51]
    assert 'saute_it' not in found.names  # it has no length


def test_frame_labels_and_transcripts_of_files_are_used(root, write_json):
    (root / 'labels').mkdir()
    (root / 'labels' / 'w.gt').write_text('background\n' * 5 + 'crack_egg\n' * 6)
    (root / 'labels' / 'w.grammar').write_text('background crack_egg \nbackground pres_it\n')
    (root / 'videos_test.txt').write_text('w\n')
    write_json('fps.json', {'w': 5})
    folders = {'frame_labels_dir': 'labels', 'transcripts_dir': 'labels', 'native_fps': 'fps.json'}

    native, seconds = build(root, fps=None, **folders)[0], build(root, **folders)[0]

    assert (native['duration_sec'], native['tail_sec']) == (2.2, None)
    assert native['classes'].names == ['background'] * 5 + ['crack_egg'] * 6
    assert native['frame_times_sec'][:3].tolist() == [0, 0.2, 0.4]
    assert seconds['classes'].names == ['background', 'crack_egg', 'crack_egg']  # lines 0, 5, 10
    assert [t.names[1] for t in seconds['transcripts']] == ['crack_egg', 'pres_it']
    assert seconds['transcript'] is seconds['transcripts'][0]
    with pytest.raises(FileNotFoundError, match=r'neither -v\.gt nor -v\.txt'):
        build(root, videos=None, **folders)[0]


def test_a_rate_that_is_needed_and_not_known_is_an_error(root, write_json):
    with pytest.raises(ValueError, match="frame rate of video 'w' is not known"):
        build(root, fps=None)[0]
    write_json('fps.json', {'w': 0})
    with pytest.raises(ValueError, match=r'w has 0\.0 frames per second'):
        build(root, fps=None, native_fps='fps.json')[0]


@pytest.mark.parametrize(
    ('raw', 'expected', 'reason'),
    [
        ('add_topp', 'add_topp', 'a class is itself'),
        ('crack_eggs', 'crack_egg', 'a plural'),
        ('cut_chilies', 'cut_chili', 'another'),
        ('cut_onion_chili', 'cut_chili', 'the first noun that gives a class'),
        ('flip_omellete', 'flip_omelette', 'a word spelt wrongly'),
        ('press_them', 'pres_it', 'a verb and a pronoun'),
        ('sauté_it', 'saute_it', 'an accent'),
        ('add_leaf_loose', 'add_leave', 'an irregular plural'),
        ('add_topping', 'add_topp', 'without ing'),
        ('add_toppings', 'add_top', 'the class that would be nobody else'),
    ],
)
def test_strings_have_the_class_of_their_verb_and_noun(order, raw, expected, reason):
    assert class_of_step(raw, order) == expected, reason


def test_an_unknown_string_is_named_with_file_line_and_near_classes(root):
    (root / 'srt' / '-v.srt').write_text(_SRT.replace('crack_eggs', 'crak_eg'))

    with pytest.raises(
        ValueError, match=r"-v\.srt:3: .* has no class 'crak_eg'; near ones are crack_egg"
    ):
        len(build(root))


def test_faulty_steps_are_kept_counted_and_reported(root):
    faulty = _SRT.replace('00:00:03,000', '00:00:00,500') + (
        '\r\n4\r\n00:00:06,500 --> 00:00:08,000\r\npress_it\r\n'
    )
    (root / 'srt' / '-v.srt').write_text(faulty)

    data = build(root)
    with pytest.warns(UserWarning, match=r'2 of 5 steps: -v ends at 500 ms.*-v begins 500 ms befo'):
        data.full_init()
    assert data.metainfo['num_faulty_steps'] == 2
    assert data.metainfo['num_steps'] == 5
    # Seconds 1 and 2 were of the inverted step; second 7 is the one that begins later.
    assert data[1]['classes'].names[:3] == ['background'] * 3
    assert data[1]['classes'].names[6:8] == ['flip_omelette', 'pres_it']


def test_the_two_orders_of_classes_do_not_mix(root, order):
    mapping = read_mapping(root / 'mapping_without_meta.txt')
    labels = order.labels(['crack_egg', 'background'])

    assert set(mapping.names) == set(order.names)
    with pytest.raises(ValueError, match=r'those of the class list .*, not of the mapping'):
        labels.in_order(mapping)
    with pytest.raises(TypeError, match='class indices have an order'):
        np.asarray(labels)
    translated = labels.to(mapping)
    assert labels.indices.tolist() == [4, 9]
    assert translated.in_order(mapping).tolist() == [4, 9]  # crack_egg is the middle of nine
    assert order.labels(['add_leave']).to(mapping).indices.tolist() == [8]


def test_equal_names_under_another_title_are_another_order(root, order):
    (root / 'copy.txt').write_text((root / 'weakYouTube_dict.txt').read_text())

    with pytest.raises(ValueError, match=r'labels\.to\(order\)'):
        order.labels(['pres_it']).in_order(read_class_list(root / 'copy.txt'))


@pytest.mark.parametrize('index', [-1, 10])
def test_an_index_outside_the_classes_is_refused(order, index):
    with pytest.raises(ValueError, match=r'has classes 0\.\.9, got'):
        ClassLabels(order, np.array([0, index]))


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ('a\nb\n', "expected 'background' in the last line, got 'b'"),
        ('a\na\nbackground\n', "names 'a' twice"),
        ('a\n\nbackground\n', ':2: a class has no name'),
        ('', 'is empty'),
        ('\xff', 'expected UTF-8'),
    ],
)
def test_a_malformed_class_list_is_named(tmp_path, content, message):
    (tmp_path / 'list.txt').write_bytes(content.encode('latin1'))
    with pytest.raises(ValueError, match=message):
        read_class_list(tmp_path / 'list.txt')


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ('0 a\n2 background', ':2: index 2 comes twice or leaves a gap'),
        ('0 a\n0 background', ':2: index 0 comes twice'),
        ('0 a\nx background', ':2: expected "index name", got'),
        ('0 a b\n1 background', ':1: expected "index name"'),
    ],
)
def test_a_malformed_mapping_is_named(tmp_path, content, message):
    (tmp_path / 'mapping.txt').write_text(content)
    with pytest.raises(ValueError, match=message):
        read_mapping(tmp_path / 'mapping.txt')


@pytest.mark.parametrize(
    ('read', 'content', 'message'),
    [
        (read_transcripts, 'crack_egg\ncrack_eg', r"f\.txt:2: .*'crack_eg'; near ones are crack"),
        (read_class_lengths, '150\nx', r"f\.txt:2: expected a number of frames > 0, got 'x'"),
        (read_class_lengths, '150\n0', r'f\.txt:2: expected a number'),
        (read_class_lengths, '150\n150', 'has 2 lengths for 10 classes'),
    ],
)
def test_malformed_files_of_classes_are_named(tmp_path, order, read, content, message):
    (tmp_path / 'f.txt').write_text(content)
    with pytest.raises(ValueError, match=message):
        read(tmp_path / 'f.txt', order)


def test_a_video_that_is_listed_twice_is_named(tmp_path):
    (tmp_path / 'f.txt').write_text('a\nb\na\n')
    with pytest.raises(ValueError, match=r"f\.txt:3: expected another video id, got 'a'"):
        read_video_list(tmp_path / 'f.txt')


def test_unsound_options_are_refused(root):
    for changes in ({'pool': 'all'}, {'fps': 0}, {'tail_sec': -1}, {'fps': float('nan')}):
        with pytest.raises(ValueError, match=r'use .video. or .global.|need tail_sec >= 0'):
            build(root, **changes)


def _answered(item, labels):
    """An evaluation record of a system that answers so."""
    times = item['frame_times_sec']
    answer = {'pred_labels': labels, 'pred_scores': np.ones(len(times))}
    return {**item, 'times': times, 'gt_boxes_px': item['boxes_px'], **answer}


def test_the_transcript_is_told_in_the_pool(root):
    item = build(root)[1]

    assert item['pool'] == ['crack egg', 'flip omelette']
    assert item['gt_transcript'].tolist() == [-1, 0, -1, 1, -1]
    assert build(root, pool='global')[1]['gt_transcript'].tolist() == [-1, 4, -1, 6, -1]


def test_a_transcript_of_a_class_that_no_frame_shows_is_named(root):
    (root / 'transcripts').mkdir()
    for name in ('w', '-v'):
        (root / 'transcripts' / f'{name}.txt').write_text('cut_chili\n')

    with pytest.raises(ValueError, match=r"transcript of video 'w' has 'cut chili', which none"):
        build(root, transcripts_dir='transcripts')[0]
    everything = build(root, transcripts_dir='transcripts', pool='global')
    assert everything[0]['gt_transcript'].tolist() == [5]


def test_the_evaluation_config_scores_the_items(root):
    config = load_config('eval/mining_youtube')
    dataset = {**config.test_dataloader.dataset, 'data_root': str(root), 'annotations': 'srt'}
    data = DATASETS.build({**dataset, 'videos_dir': None, 'pipeline': []})
    metric = METRICS.build(config.test_evaluator[1])
    metric.process(None, [_answered(item, item['gt_labels']) for item in data])

    found = metric.evaluate(len(data))

    assert found['grounding/labels/label_acc'] == 1
    # Of 32 + 37 seconds, 2 and 4 are of a step.
    assert found['grounding/all_background/labels/label_acc'] == pytest.approx(63 / 69)


@pytest.fixture(scope='module')
def real():
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        data = MiningYouTube(str(REAL), videos=None, videos_dir=None)
        assert len(data) == 250
    return data


@needs_real
def test_the_released_files_have_the_known_numbers(real):
    facts = real.metainfo

    assert (facts['num_steps'], facts['num_classes'], facts['num_faulty_steps']) == (5132, 512, 6)
    assert len({step.raw_name for steps in real.steps.values() for step in steps}) == 690
    missing = set(read_video_list(REAL / 'videos_test.txt')) ^ set(real.video_ids)
    assert missing == {'-1okAudsnAc'}
    assert set(read_video_list(REAL / 'videos_val.txt')) <= set(real.video_ids)
    with pytest.warns(UserWarning, match='6 of 5132 steps'):
        read_steps(REAL / 'annotations.tar.gz', real.order)


@needs_real
def test_the_released_orders_have_one_set_of_names(real):
    mapping = read_mapping(REAL / 'mapping_without_meta.txt')

    assert set(mapping.names) == set(real.order.names)
    assert len(mapping) == 513
    assert mapping.background == real.order.background == 512
    same = [a == b for a, b in zip(mapping.names, real.order.names, strict=True)]
    assert sum(same) < 10
    lengths = read_class_lengths(REAL / 'example' / 'weakYouTube_length.txt', real.order)
    assert (lengths == 150).all()


@needs_real
def test_the_released_example_comes_out_of_its_steps(real):
    example = '-1okAudsnAc'
    names = (REAL / 'example' / f'{example}.gt').read_text().split()
    steps = real.steps[example][:5]  # the labels end with the fifth step

    found = label_native_frames(steps, 29.97, len(names), real.order)

    assert len(names) == 3374
    assert found.names == names
    transcript = read_transcripts(REAL / 'example' / f'{example}.grammar', real.order)
    assert len(transcript) == 1
    assert transcript[0].names == transcript_of(found).names


@needs_real
def test_steps_cover_the_known_share_of_time(real):
    shares = []
    for tail_sec in (0, 30):
        data = MiningYouTube(str(REAL), videos=None, videos_dir=None, fps=30, tail_sec=tail_sec)
        data.__dict__['steps'] = real.steps
        items = list(data)
        shares.append(np.mean([(item['gt_labels'] >= 0).mean() for item in items]))

    assert [round(100 * share, 1) for share in shares] == [47.7, 40.9]
    entries = np.mean([len(item['transcript']) for item in items])
    assert entries == pytest.approx(41.56, abs=0.05)


@needs_real
@pytest.mark.parametrize(
    ('predictor', 'wanted', 'tolerance'),
    [
        ('truth', (1.0, 1.0, 1.0, 1.0), 0),
        ('background', (0.0467, 0.0467, 0.0, 0.0), 0.00005),
        # Where the parts are cut moves these by some hundredths of a point.
        ('uniform', (0.0841, 0.1276, 0.0585, 0.0869), 0.0011),
    ],
)
def test_trivial_predictors_overlap_as_published(real, predictor, wanted, tolerance):
    from stgr.evaluation.functional import record_from_mapping, reduce_record, score_temporal

    data = MiningYouTube(str(REAL), videos=None, videos_dir=None, fps=30)
    data.__dict__['steps'] = real.steps
    facts = []
    for item in data:
        truth = item['gt_labels']
        runs = truth[np.flatnonzero(np.diff(truth, prepend=-2))]
        uniform = runs[np.arange(len(truth)) * len(runs) // len(truth)]
        labels = {'truth': truth, 'background': np.full_like(truth, -1), 'uniform': uniform}
        facts.append(reduce_record(record_from_mapping(_answered(item, labels[predictor]))))

    with_background = score_temporal(facts, include_background=True)
    without = score_temporal(facts)

    found = [with_background['iou'], with_background['iod'], without['iou'], without['iod']]
    assert found == pytest.approx(wanted, abs=tolerance + 1e-12)
    if predictor == 'background':
        assert with_background['mof'] == pytest.approx(0.591, abs=0.0005)
