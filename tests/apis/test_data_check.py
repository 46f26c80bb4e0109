"""What is there of a data set is counted, and what is not is named."""

import json
import shutil

import pytest
from benchmark_files import (
    write_clips,
    write_daly,
    write_hc_stvg,
    write_mining_youtube,
    write_vhico,
    write_vidstg,
    write_youcook_interactions,
)

from stgr.apis.data_check import check_data
from stgr.apis.data_check.annotations import CHECKED
from stgr.apis.data_check.probe import compare_frames
from stgr.apis.data_check.report import report_lines
from stgr.cli import main

# The tiny video is 64 x 48; how each is annotated, None: the file is not there.
FRAMES = {
    'same': (64, 48),
    'double': (128, 96),
    'square': (64, 64),
    'portrait': (48, 64),
    'gone': (64, 48),
    'torn': (64, 48),
}


@pytest.fixture
def root(tmp_path, tiny_video):
    """Six annotated videos with two boxes each; one is missing, one is no video."""
    (tmp_path / 'videos').mkdir()
    for name in FRAMES:
        if name not in ('gone', 'torn'):
            shutil.copy(tiny_video, tmp_path / 'videos' / f'{name}.mp4')
    (tmp_path / 'videos' / 'torn.mp4').write_bytes(tiny_video.read_bytes()[:100])
    shutil.copy(tiny_video, tmp_path / 'videos' / 'unknown.mkv')
    boxes = [{'second': s, 'box': [4, 4, 40, 40], 'step_name': 'crack an egg'} for s in (0, 1)]
    (tmp_path / 'box_anno.json').write_text(json.dumps(dict.fromkeys(FRAMES, boxes)))
    (tmp_path / 'id2wh_new.json').write_text(json.dumps(FRAMES))
    (tmp_path / 'seg.json').write_text('{}')
    return tmp_path


def test_videos_are_counted_opened_and_compared(root):
    found = check_data('grounding_youtube', root)

    content = json.loads(json.dumps(found.to_dict()))
    videos = content.pop('videos')
    torn = content.pop('faults')
    assert content == {
        'name': 'grounding_youtube',
        'folder': str(root / 'videos'),
        'videos_annotated': 6,
        'videos_found': 5,
        'videos_probed': 5,
        'videos_readable': 4,
        'annotated': {'boxes': 12},
        'missing': ['gone'],
        'others': 1,
        'scalings': {'same size': 1, 'same shape': 1, 'stretched': 1, 'turned': 1},
    }
    assert list(torn) == ['torn']
    assert 'torn.mp4' in torn['torn']
    assert {name: video['scaling'] for name, video in videos.items()} == {
        'same': 'same size',
        'double': 'same shape',
        'square': 'stretched',
        'portrait': 'turned',
        'torn': None,
    }
    same = videos['same']
    assert (same['width'], same['height'], same['fps']) == (64, 48, pytest.approx(10))
    assert same['duration_sec'] == pytest.approx(3)


def test_report_names_what_is_missing_damaged_and_stretched(root):
    lines = list(report_lines(check_data('grounding_youtube', root)))

    assert lines[:4] == [
        'grounding_youtube: 6 videos annotated, 12 boxes',
        f'found      5 of 6 (83.3 %) in {root / "videos"}',
        'others     1 videos of the folder that nothing is annotated of',
        'missing    1: gone',
    ]
    assert lines[4] == 'readable   4 of 5 opened'
    assert lines[5].startswith('damaged    torn: ')
    assert lines[6:] == [
        'durations  3 to 3, median 3 s, 0.0 h in all',
        'frames     10 to 10, median 10 per second',
        'sound      0 of 4',
        'sizes      4 of 64x48',
        'boxes      measured in a frame that is, beside the video: 1 same size, 1 same shape, '
        '1 stretched, 1 turned',
        'stretched  1: square (64x48 as 64x64)',
        'turned     1: portrait (64x48 as 48x64)',
    ]


def test_only_some_videos_are_opened_evenly_spread(root):
    assert list(check_data('grounding_youtube', root, probe=2).probed) == ['same', 'square']
    assert len(check_data('grounding_youtube', root, probe=99).probed) == 5
    looked = check_data('grounding_youtube', root, probe=0)
    assert (looked.num_found, len(looked.probed)) == (5, 0)
    with pytest.raises(ValueError, match='probe=-1 videos cannot be opened'):
        check_data('grounding_youtube', root, probe=-1)


def test_first_twenty_missing_are_named_and_all_are_counted(root):
    names = [f'v{i:02}' for i in range(25)]
    boxes = [{'second': 0, 'box': [4, 4, 40, 40], 'step_name': 'x'}]
    (root / 'box_anno.json').write_text(json.dumps(dict.fromkeys(['same', *names], boxes)))
    sizes = {name: [64, 48] for name in ('same', *names)}
    (root / 'id2wh_new.json').write_text(json.dumps(sizes))

    found = check_data('grounding_youtube', root)

    line = next(line for line in report_lines(found) if line.startswith('missing'))
    assert line == f'missing    25: {", ".join(names[:20])}, ... and 5 more'
    assert found.to_dict()['missing'] == names


@pytest.mark.parametrize(
    ('annotated', 'video', 'expected'),
    [
        ((640, 480), (640, 480), 'same size'),
        ((854, 480), (1920, 1080), 'same shape'),
        ((640, 480), (1920, 1080), 'stretched'),
        ((640, 480), (480, 640), 'turned'),
        ((1080, 1920), (854, 480), 'turned'),
        ((100, 100), (102, 100), 'same shape'),
        ((100, 100), (103, 100), 'stretched'),
    ],
)
def test_frames_are_compared_by_shape(annotated, video, expected):
    assert compare_frames(annotated, video) == expected


def test_command_prints_and_writes_what_it_found(root, capsys, tmp_path):
    out = tmp_path / 'check.json'

    status = main(['data', 'check', 'grounding_youtube', str(root), '--json', str(out)])

    assert status == 0
    assert '5 of 6 (83.3 %)' in capsys.readouterr().out
    assert json.loads(out.read_text())['videos_readable'] == 4


def test_howto100m_is_prepared_and_checked(root, capsys):
    caption = {'start': [0.5, 1], 'end': [1, 2], 'text': ['now crack', 'an egg']}
    (root / 'caption.json').write_text(json.dumps({'same': caption, 'gone': caption}))

    assert main(['data', 'check', 'howto100m', str(root)]) == 0

    out = capsys.readouterr().out
    assert 'howto100m: 2 videos annotated, 4 captions' in out
    assert 'missing    1: gone' in out
    assert 'boxes' not in out
    assert (root / 'caption.clips' / 'about.json').is_file()


def test_arguments_of_the_data_set_can_be_changed(root, capsys):
    (root / 'videos').rename(root / 'mp4')
    (root / 'box_anno.json').rename(root / 'boxes.json')
    command = ['data', 'check', 'grounding_youtube', str(root), '--probe', '0']

    assert main([*command, '--set', 'videos_dir=mp4', '--set', 'boxes=boxes.json']) == 0
    assert main([*command, '--set', 'boxs=boxes.json']) == 1
    assert main([*command, '--set', 'boxes']) == 1
    errors = capsys.readouterr().err.splitlines()
    assert 'boxs' in errors[0]
    assert errors[1] == 'error: --set boxes must be KEY=VALUE'


def test_without_any_video_the_command_fails(root, capsys, tmp_path):
    shutil.rmtree(root / 'videos')
    out = tmp_path / 'check.json'

    assert main(['data', 'check', 'grounding_youtube', str(root), '--json', str(out)]) == 1

    shown = capsys.readouterr()
    assert 'found      0 of 6 (0.0 %)' in shown.out
    assert shown.err.splitlines() == [
        f'error: {root / "videos"}: none of the 6 videos is there; files are called like the '
        'videos of the annotations'
    ]
    assert json.loads(out.read_text())['videos_found'] == 0


def test_without_a_readable_video_the_command_fails(root, capsys):
    for name in ('same', 'double', 'square', 'portrait'):
        (root / 'videos' / f'{name}.mp4').unlink()

    assert main(['data', 'check', 'grounding_youtube', str(root)]) == 1
    assert 'none of the 1 videos can be read' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('name', 'advice'),
    [
        ('grounding_yotube', 'did you mean grounding_youtube or grounding_youtube_clips?'),
        ('zzz', f'known are {", ".join(CHECKED)}'),
    ],
)
def test_unknown_data_set_is_one_line_with_near_names(name, advice, capsys, tmp_path):
    assert main(['data', 'check', name, str(tmp_path)]) == 1

    assert capsys.readouterr().err == f'error: no data set is called {name!r}; {advice}\n'


def test_missing_annotations_are_one_line(capsys, tmp_path):
    assert main(['data', 'check', 'grounding_youtube', str(tmp_path)]) == 1

    error = capsys.readouterr().err
    assert 'box_anno.json' in error
    assert error.count('\n') == 1


@pytest.mark.filterwarnings('ignore:.*is guessed')
@pytest.mark.parametrize(
    ('name', 'write', 'counts', 'scaling'),
    [
        ('mining_youtube', write_mining_youtube, {'steps': 1}, None),
        ('youcook_interactions', write_youcook_interactions, {'boxes': 1}, 'stretched'),
        ('vhico', write_vhico, {'images': 2, 'boxes': 2}, 'stretched'),
        ('daly', write_daly, {'images': 1, 'boxes': 1}, None),
        ('vidstg', write_vidstg, {'sentences': 2}, 'same shape'),
        ('hc_stvg', write_hc_stvg, {'sentences': 1}, 'same size'),
        ('grounding_youtube_clips', write_clips, {'clips': 1, 'boxes': 1}, 'same size'),
        ('tiny_kitchen', write_clips, {'boxes': 1}, 'same size'),
    ],
)
def test_every_data_set_is_checked(name, write, counts, scaling, tmp_path, tiny_video):
    write(tmp_path)
    (tmp_path / 'videos').mkdir()
    shutil.copy(tiny_video, tmp_path / 'videos' / 'v.mp4')

    found = check_data(name, tmp_path)

    assert list(found.annotations.video_ids) == ['v']
    assert (found.num_found, len(found.readable)) == (1, 1)
    assert found.annotations.counts == counts
    assert found.probed['v'].scaling == scaling
