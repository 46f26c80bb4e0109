"""MiningYouTube from the command line: values worked by hand, real anchors."""

import os
from pathlib import Path

import pytest

from stgr.cli import main

REAL = Path(os.environ.get('STGR_DATA_ROOT', 'not set')) / 'annotations' / 'mining_youtube'
needs_real = pytest.mark.skipif(not REAL.is_dir(), reason='STGR_DATA_ROOT has no MiningYouTube')
CLASSES = ['crack egg', 'flip it', 'background']
WITH, WITHOUT = 'temporal/bg=include', 'temporal/bg=exclude'


def srt(*steps):
    return ''.join(
        f'{i}\n00:00:0{start},000 --> 00:00:0{end},000\n{name}\n\n'
        for i, (start, end, name) in enumerate(steps, 1)
    )


@pytest.fixture
def truth(tmp_path):
    """Video a of 6 seconds, crack 1..2, flip 3, else background; b of 3, crack 0."""
    folder = tmp_path / 'srt'
    folder.mkdir()
    (folder / 'a.srt').write_text(srt((1, 3, 'crack_eggs'), (3, 4, 'flip_it')))
    (folder / 'b.srt').write_text(srt((0, 1, 'crack_egg')))
    (tmp_path / 'weakYouTube_dict.txt').write_text('crack_egg\nflip_it\nbackground\n')
    return folder


def rows(video, labels, **columns):
    return {
        'video': video,
        'seconds': list(range(len(labels))),
        'labels': labels,
        'scores': [1.0] * len(labels),
        **columns,
    }


A = [None, 'crack_egg', 'crack_egg', 'flip it', None, None]
A_NAMES = [None, 'crack egg', 'crack egg', 'flip it', None, None]
B = ['crack egg', None, None]


def test_labels_per_second_count_as_they_are(truth, command):
    late = [None, None, 'crack egg', 'crack egg', None, None]  # a second late, flip missed

    found = command('mining_youtube', truth, [rows('a', late), rows('b', B)], '--tail-sec', 2)

    # a: crack IoU 1/3, IoD 1/2; flip 0; background {0,4,5} against {0,1,4,5}: 3/4 and 3/4.
    a_iou, a_iod = (1 / 3 + 0 + 3 / 4) / 3, (1 / 2 + 0 + 3 / 4) / 3
    assert found['metrics'][WITH]['iou'] == pytest.approx((a_iou + 1) / 2)
    assert found['metrics'][WITH]['iod'] == pytest.approx((a_iod + 1) / 2)
    assert found['metrics'][WITH]['mof'] == pytest.approx((4 / 6 + 1) / 2)
    assert found['metrics'][WITHOUT]['iou'] == pytest.approx(((1 / 3 + 0) / 2 + 1) / 2)
    # Summed over both videos crack has 1 + 1 of 3 + 1 seconds, flip 0 of 1.
    assert found['metrics']['pooled']['iou_micro'] == pytest.approx(2 / 5)
    assert found['metrics']['pooled']['iou_dataset_class'] == pytest.approx((2 / 4 + 0) / 2)
    assert found['coverage']['seconds_predicted'] == found['coverage']['seconds_annotated'] == 9
    assert found['coverage']['boxes_annotated'] == found['coverage']['boxes_empty'] == 0
    assert found['controls']['oracle'][WITH]['iou'] == 1
    nothing = found['controls']['all_background']
    assert nothing[WITH]['iou'] == pytest.approx((3 / 6 / 3 + 2 / 3 / 2) / 2)
    assert nothing[WITHOUT]['iou'] == 0
    # Four entries over the 6 seconds of a are 0 1 1 2 3 3, two over the 3 of b are 0 1 1.
    assert found['controls']['uniform_transcript'][WITH]['iou'] == 1
    assert found['control_rules'].keys() == found['controls'].keys()


def log_probs(labels, classes, wrong=-4.0):
    return [
        [0.0 if (label or 'background') == name else wrong for name in classes] for label in labels
    ]


def test_false_alarms_count_in_videos_that_do_not_have_the_class(truth, command, tmp_path, capfd):
    flips = ['crack egg', 'flip it', 'flip it']  # b has no flip

    found = command(
        'mining_youtube', truth, [rows('a', A), rows('b', flips)], '--tail-sec', 2, name='all'
    )

    flip = {'videos': 1, 'frames': 1, 'predicted': 3, 'common': 1, 'union': 1}
    assert found['per_class']['flip it'] == flip
    assert found['metrics']['pooled'] == {'iou_micro': 1, 'iou_dataset_class': 1}
    out = str(tmp_path / 'all.json')
    capfd.readouterr()
    assert main(['compare', out, '--by', 'class', '--format', 'csv']) == 0
    table = capfd.readouterr().out.splitlines()
    assert table[0] == 'class,videos,frames,common/union: all'
    assert table[1:] == ['crack egg,2,3,100.00', 'flip it,1,1,100.00']


def test_classes_that_no_video_has_are_only_false_alarms(truth, command):
    (truth / 'a.srt').write_text(srt((1, 3, 'crack_eggs')))
    found = command('mining_youtube', truth, [rows('a', A), rows('b', B)], '--tail-sec', 2)

    assert found['per_class']['flip it'] == {
        'videos': 0,
        'frames': 0,
        'predicted': 1,
        'common': 0,
        'union': 0,
    }
    assert found['metrics']['pooled']['iou_dataset_class'] == 1


def test_the_transcript_is_aligned_to_log_probabilities(truth, command):
    # Frame by frame flip is best at 1 and crack at 2, but crack comes first in the transcript.
    best = [None, 'flip it', 'crack egg', 'flip it', None, None]
    lines = [
        rows('a', [None] * 6, log_probs=log_probs(best, CLASSES), classes=CLASSES),
        rows('b', [None] * 3, log_probs=log_probs(B, CLASSES), classes=CLASSES),
    ]

    found = command('mining_youtube', truth, lines, '--tail-sec', 2)

    # bg crack flip bg loses 4 once, at 1, be that background or crack: the later entry is early.
    assert found['metrics'][WITHOUT]['iou'] == 1
    labels = command('mining_youtube', truth, lines, '--tail-sec', 2, '--timeline', 'labels')
    assert labels['metrics'][WITHOUT]['iou'] == 0


def test_a_longest_length_and_blocks_move_the_boundaries(truth, command):
    lines = [
        rows('a', [None] * 6, log_probs=log_probs(A_NAMES, CLASSES), classes=CLASSES),
        rows('b', [None] * 3, log_probs=log_probs(B, CLASSES), classes=CLASSES),
    ]
    free = command('mining_youtube', truth, lines, '--tail-sec', 2)
    blocks = command('mining_youtube', truth, lines, '--tail-sec', 2, '--block', 2)
    short = command('mining_youtube', truth, lines, '--tail-sec', 2, '--max-length', 1)

    assert free['metrics'][WITH]['mof'] == 1
    assert '4 entries need as many blocks of 2 frames' in blocks
    assert "video 'a': 4 entries of at most 1 frames" in short


def test_background_without_a_column_gets_a_constant(truth, command):
    steps = ['flip it', 'crack egg']
    # Similarities below 0.5 are background: seconds 0, 4, 5 of a and 1, 2 of b.
    a = [[0.1, 0.2], [0.2, 0.9], [0.1, 0.8], [0.9, 0.1], [0.3, 0.3], [0.2, 0.1]]
    b = [[0.0, 0.9], [0.1, 0.1], [0.2, 0.3]]
    lines = [
        rows('a', [None] * 6, log_probs=a, classes=steps),
        rows('b', [None] * 3, log_probs=b, classes=steps),
    ]

    found = command('mining_youtube', truth, lines, '--tail-sec', 2)

    assert found['metrics'][WITH]['iou'] == 1
    assert found['coverage']['videos_with_added_background'] == 2
    high = command('mining_youtube', truth, lines, '--tail-sec', 2, '--background-score', 9)
    # Background wherever it can be: crack and flip keep a second each, 2 and 3 (0.8 + 0.9).
    assert high['metrics'][WITHOUT]['iou'] == pytest.approx(((1 / 2 + 1) / 2 + 1) / 2)


def test_an_early_end_is_padded_and_counted(truth, command):
    lines = [
        rows('a', [None] * 4, log_probs=log_probs(A_NAMES[:4], CLASSES), classes=CLASSES),
        rows('b', [None] * 3, log_probs=log_probs(B, CLASSES), classes=CLASSES),
    ]

    found = command('mining_youtube', truth, lines, '--tail-sec', 2)

    # 4 entries have one of 4 seconds each, the last label fills the rest: crack {1}, flip {2}.
    assert found['metrics'][WITHOUT]['iou'] == pytest.approx((1 / 4 + 1) / 2)
    assert found['coverage']['seconds_predicted'] == 7


def test_a_missing_video_is_background_and_bad_names_are_told(truth, command):
    found = command('mining_youtube', truth, [rows('a', A)], '--tail-sec', 2)

    assert found['metrics'][WITHOUT]['iou'] == 0.5
    assert found['coverage']['missing'] == ['b']
    wrong = rows('a', ['crack eg', *A[1:]])
    assert "did you mean 'crack egg'" in command('mining_youtube', truth, [wrong])
    mixed = [rows('a', A), rows('b', B, log_probs=log_probs(B, CLASSES), classes=CLASSES)]
    assert "video 'a' has no log_probs, but others have" in command('mining_youtube', truth, mixed)
    assert "fps must be a number or 'native'" in command(
        'mining_youtube', truth, [rows('a', A)], '--fps', 'fast'
    )


def test_other_rates_and_native_frames(truth, command, tmp_path):
    (tmp_path / 'rates.json').write_text('{"a": 4, "b": 4}')
    lines = [rows('a', A), rows('b', B)]

    twice = command('mining_youtube', truth, lines, '--tail-sec', 2, '--fps', 2)
    native = command(
        'mining_youtube', truth, lines, '--tail-sec', 2, '--fps', 'native',
        '--native-fps', tmp_path / 'rates.json',
    )  # fmt: skip

    assert twice['coverage']['seconds_annotated'] == 2 * 9
    assert native['coverage']['seconds_annotated'] == 4 * 9
    # 0.5 takes the earlier of two equally near seconds, 0, and so do all halves.
    assert twice['metrics'][WITH]['mof'] == pytest.approx(1)


def test_systems_stand_side_by_side(truth, command, compared):
    command('mining_youtube', truth, [rows('a', A), rows('b', B)], name='full')
    command('mining_youtube', truth, [rows('a', A)], name='half')

    table = compared('full', 'half', score=f'{WITHOUT}/iou')

    assert table['full'] == '100.00 [100.00, 100.00]'
    assert table['half'] == '50.00 [0.00, 100.00]'
    assert table['half - full'] == '-50.00 [-100.00, +0.00]'
    assert 'uniform_transcript' in table


@needs_real
@pytest.mark.slow
def test_published_controls_on_the_real_files(command):
    line = rows('-1okAudsnAc', [None])
    found = command(
        'mining_youtube', REAL / 'annotations.tar.gz', [line], '--fps', 30, '--videos', 'all',
        '--block', 20,
    )  # fmt: skip

    controls = found['controls']
    assert found['coverage']['videos_annotated'] == 250
    both = [controls['all_background'][group] for group in (WITH, WITHOUT)]
    assert [100 * s[k] for s in both for k in ('iou', 'iod')] == pytest.approx(
        [4.67, 4.67, 0, 0], abs=0.0051
    )
    assert 100 * both[0]['mof'] == pytest.approx(59.1, abs=0.051)
    both = [controls['uniform_transcript'][group] for group in (WITH, WITHOUT)]
    assert [100 * s[k] for s in both for k in ('iou', 'iod')] == pytest.approx(
        [8.41, 12.76, 5.85, 8.69], abs=0.1
    )
    both = [controls['random_transcript'][group] for group in (WITH, WITHOUT)]
    assert [100 * s[k] for s in both for k in ('iou', 'iod')] == pytest.approx(
        [6.90, 11.63, 4.26, 7.48], abs=0.8
    )
    assert controls['oracle'][WITH]['iou'] == 1
