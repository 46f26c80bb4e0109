"""TinyKitchen as a folder of one's own videos: what stgr prepare reads of it is what was said."""

import importlib.util
import json
from pathlib import Path

import pytest

from stgr.preparation.subtitle_files import read_subtitles

_TOOL = Path(__file__).resolve().parents[2] / 'tools' / 'make_own_videos.py'


@pytest.fixture(scope='module')
def tool():
    spec = importlib.util.spec_from_file_location('make_own_videos', _TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def world(tmp_path):
    """A world of a video in each split; its videos are never opened."""
    world = tmp_path / 'world'
    for split in ('train', 'val', 'test'):
        (world / split / 'videos').mkdir(parents=True)
        name = f'tk_{split}'
        (world / split / 'videos' / f'{name}.mp4').write_bytes(split.encode())
        said = {'start': [3599.9996, 0.25], 'end': [3601.5, 2.0], 'text': ['whisk it', split]}
        (world / split / 'captions.json').write_text(json.dumps({name: said}))
        for file in tool_files():
            (world / split / file).write_text(json.dumps({name: [split, file]}))
    return world


def tool_files():
    return ('box_anno.json', 'seg.json', 'id2wh_new.json')


def test_all_splits_lie_in_one_folder_with_what_is_said(tool, world, tmp_path):
    out, truth = tmp_path / 'own', tmp_path / 'data' / 'annotations'

    assert tool.main([str(world), str(out), '--truth', str(truth)]) == 0

    assert sorted(file.name for file in out.iterdir()) == [
        f'tk_{split}.{kind}' for split in ('test', 'train', 'val') for kind in ('mp4', 'srt')
    ]
    assert (out / 'tk_val.mp4').read_bytes() == b'val'
    cues = read_subtitles(out / 'tk_val.srt').cues
    assert [(cue.start_sec, cue.end_sec, cue.text) for cue in cues] == [
        (0.25, 2.0, 'val'), (3600.0, 3601.5, 'whisk it'),
    ]  # fmt: skip
    boxes = json.loads((truth / 'box_anno.json').read_bytes())
    assert boxes == {f'tk_{s}': [s, 'box_anno.json'] for s in ('train', 'val', 'test')}


def test_a_folder_that_is_no_world_is_one_line_before_any_work(tool, tmp_path, capfd):
    assert tool.main([str(tmp_path), str(tmp_path / 'own')]) == 1

    error = capfd.readouterr().err
    assert error.count('\n') == 1
    assert 'stgr make-tiny-kitchen' in error
    assert not (tmp_path / 'own').exists()
