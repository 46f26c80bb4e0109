"""Small inputs under the names that the manual uses, one folder per page."""

import json
import os
import shutil
import sys

import pytest
from doc_pages import ROOT

QUERY = 'crack it'


@pytest.fixture
def sandbox(tmp_path, monkeypatch, request):
    """Return an empty folder with the repository's configs and tools, and change into it."""
    folder = tmp_path / 'page'
    folder.mkdir()
    shutil.copytree(ROOT / 'configs', folder / 'configs')
    for name in ('tools', 'benchmarks'):
        (folder / name).symlink_to(ROOT / name)
    programs = tmp_path / 'programs'
    programs.mkdir()
    lines = {'python': '"$@"', 'stgr': '-m stgr.cli "$@"'}
    for name, arguments in lines.items():
        (programs / name).write_text(f'#!/bin/sh\nexec {sys.executable} {arguments}\n')
        (programs / name).chmod(0o755)
    monkeypatch.setenv('PATH', f'{programs}{os.pathsep}{os.environ["PATH"]}')
    monkeypatch.setenv('PYTHONPATH', str(ROOT))
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(autouse=True)
def _forget_parts_of_pages():
    """Unregister what a page registers: tests over everything registered would find it."""
    yield
    from stgr import registry
    from stgr.apis.evaluation import PROTOCOLS

    registries = [each for each in vars(registry).values() if isinstance(each, registry.Registry)]
    for table in [PROTOCOLS, *(each._module_dict for each in registries)]:
        for name in [n for n, part in table.items() if part.__module__ in ('page', 'my_parts')]:
            del table[name]


@pytest.fixture
def small_inputs(sandbox, inputs):
    """Fill the sandbox with videos of three seconds, lists of actions, and boxes with answers."""
    shutil.copytree(inputs, sandbox, dirs_exist_ok=True)
    return sandbox


@pytest.fixture(scope='session')
def inputs(tmp_path_factory, tiny_video, tiny_clip_dir):
    """Folder with a small file of every name that the manual uses."""
    folder = tmp_path_factory.mktemp('inputs')
    for name in ('kitchen.mp4', 'my.mp4', 'my_videos/one.mp4', 'my_videos/two.mp4'):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(tiny_video, folder / name)
    for name in ('actions.txt', 'pool.txt'):
        (folder / name).write_text('crack an egg\nflip it over\n')
    prompt = {'descriptions': ['An egg breaks.'], 'verb': 'cracking', 'object': 'an egg'}
    (folder / 'prompts.json').write_text(json.dumps({QUERY: prompt}))
    _write_deep_clip(tiny_clip_dir, folder / 'deep_clip')
    for place in ('', 'clicks', 'data/gyt'):
        _write_boxes(folder / place)
    (folder / 'data' / 'gyt' / 'videos').mkdir()
    shutil.copy(tiny_video, folder / 'data' / 'gyt' / 'videos' / 'v.mp4')
    for name, label in (('mine', 'stir'), ('theirs', 'background')):
        line = {'video': 'v', 'second': 1, 'label': label, 'score': 0.5, 'point': [9, 9]}
        (folder / f'{name}.jsonl').write_text(json.dumps(line))
        _score(folder, name)
    shutil.copy(folder / 'mine.json', folder / 'ours.json')
    _answer(folder)
    return folder


def _write_boxes(root):
    root.mkdir(parents=True, exist_ok=True)
    boxes = [{'second': 1, 'box': [4, 4, 40, 40], 'step_name': 'stir'}]
    steps = [{'segment': [1, 1], 'id': 0, 'sentence': 'stir'}]
    files = {'box_anno': boxes, 'seg': steps, 'durations': 3.0, 'id2wh_new': [64, 48]}
    for name, content in files.items():
        (root / f'{name}.json').write_text(json.dumps({'v': content}))


def _score(folder, name):
    from stgr.cli import main

    files = {'ground-truth': 'box_anno.json', 'predictions': f'{name}.jsonl'}
    options = [f'--{key}={folder / value}' for key, value in files.items()]
    options.append(f'--json={folder / name}.json')
    assert main(['evaluate', '--protocol', 'grounding_youtube', *options]) == 0


def _answer(folder):
    """Ground, save the model, and write the answer as a person would have corrected it."""
    from stgr import Grounder
    from stgr.cli import main

    options = ['--query', QUERY, '--threshold=-1', f'--out={folder / "out"}']
    assert main(['ground', str(folder / 'kitchen.mp4'), *options]) == 0
    Grounder(device='cpu').save_pretrained(folder / 'my_model')
    options = ['--to=label-studio', f'--out={folder / "corrected.json"}']
    assert main(['export', str(folder / 'out'), *options]) == 0


def _write_deep_clip(shallow, folder):
    """Write the tiny CLIP with as many layers as GEM's weights of layers are made for."""
    import torch
    from transformers import CLIPConfig, CLIPModel

    shutil.copytree(shallow, folder)
    config = CLIPConfig.from_pretrained(shallow)
    config.vision_config.num_hidden_layers = 12
    config.text_config.max_position_embeddings = 77
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        CLIPModel(config).save_pretrained(folder)
