"""The command that makes the bundled CLIP, at the size of two steps."""

import importlib.util
import json
from pathlib import Path

import pytest

from stgr.datasets.tiny_kitchen.vocabulary import HELD_OUT_STEPS, NOUNS, TOOLS, VERBS
from stgr.models.backbones import tiny_tokenizer

_TOOL = Path(__file__).resolve().parents[2] / 'tools' / 'model_zoo' / 'make_clip_tiny.py'


@pytest.fixture(scope='module')
def tool():
    spec = importlib.util.spec_from_file_location('make_clip_tiny', _TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_corpus_of_the_tokenizer_has_every_word_and_is_always_the_same(tool):
    corpus = tool.corpus()
    words = set(' '.join(corpus).split())
    verbs = {name for verb in VERBS for name in (verb.name, *verb.synonyms)}

    assert words >= {*NOUNS, *TOOLS, *verbs}
    assert corpus == tool.corpus()


TWO_STEPS = [
    'train_dataloader.dataset.length=4',
    'train_cfg.max_iters=2',
    'train_dataloader.batch_size=2',
    'train_dataloader.num_workers=0',
]


def test_a_tokenizer_that_was_interrupted_is_made_anew(tool, tmp_path, monkeypatch):
    train, calls = tiny_tokenizer.train_clip_tokenizer, []

    def interrupted(corpus, folder, **settings):
        calls.append(folder)
        (folder / 'vocab.json').write_text('half')
        raise KeyboardInterrupt

    monkeypatch.setattr(tiny_tokenizer, 'train_clip_tokenizer', interrupted)
    (tmp_path / 'work' / 'tokenizer').mkdir(parents=True)  # what versions before may have left
    with pytest.raises(KeyboardInterrupt):
        tool.make(tmp_path / 'clip', tmp_path / 'work', TWO_STEPS)
    monkeypatch.setattr(tiny_tokenizer, 'train_clip_tokenizer', train)

    tool.make(tmp_path / 'clip', tmp_path / 'work', TWO_STEPS)

    assert len(calls) == 1
    assert (tmp_path / 'clip' / 'tokenizer.json').is_file()


def test_a_model_that_is_there_is_not_overwritten(tool, tmp_path):
    (tmp_path / 'clip').mkdir()
    (tmp_path / 'clip' / 'config.json').write_text('mine')

    with pytest.raises(FileExistsError, match=r'clip exists already; remove it'):
        tool.make(tmp_path / 'clip', tmp_path / 'work', TWO_STEPS)

    assert not (tmp_path / 'work').exists()


def test_two_steps_make_a_model_that_loads_and_classifies(tool, tmp_path):
    out = tmp_path / 'clip'
    tool.make(out, tmp_path / 'work', TWO_STEPS)

    assert json.loads((out / 'config.json').read_text())['projection_dim'] == 128
    lines = tool.evaluate(out, pictures=2)
    assert [line.split(':')[0] for line in lines] == [
        'step, of 100',
        'noun, of 12',
        'tool, of 8',
        'close-up, of 20',
    ]


def test_steps_it_is_taught_are_not_held_out(tool):
    held_out = {step.name for step in HELD_OUT_STEPS}
    pictures = tool._pictures(40, shares=(0.0, 1.0, 0.0))

    assert not held_out & {item['step'] for item in pictures}
