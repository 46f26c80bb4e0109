"""Every config loads, and the models of the paper are built from theirs."""

import pytest

from stgr.apis.model_hub import configs_dir, list_models, load_config
from stgr.registry import MODELS

NAMES = [entry.name for entry in list_models()]
BASES = sorted(file.name for file in (configs_dir() / '_base_').glob('*.py'))
OURS = [name for name in NAMES if name.startswith('ours')]


@pytest.mark.parametrize('name', NAMES)
def test_config_loads_and_describes_a_model(name):
    config = load_config(name)

    assert 'type' in config.model
    assert config.default_scope is None
    assert config.resume is False


@pytest.mark.parametrize('name', NAMES)
def test_config_names_no_place_of_a_machine(name):
    text = load_config(name).pretty_text

    assert "'/" not in text
    assert '~' not in text


@pytest.mark.parametrize('base', BASES)
def test_base_loads_alone(base):
    load_config(configs_dir() / '_base_' / base)


@pytest.mark.parametrize('name', OURS)
def test_grounder_is_built_on_any_clip(name, tiny_clip_dir):
    source = f'model.backbone.source={tiny_clip_dir}'
    widths = ['model.global_head.dim=32', 'model.local_head.dim=32']
    config = load_config(name, overrides=[source, *widths])

    grounder = MODELS.build(config.model)

    assert grounder.backbone.grid == (4, 4)
    assert grounder.local_head.video_proj.in_features == grounder.backbone.video_dim == 32
    assert grounder.global_head.video_proj.out_features == config.model.global_head.dim
    assert grounder.selector.count == config.model.selector.count


def test_paper_numbers_stand_in_the_paper_config():
    config = load_config('ours_clip')
    window = config.train_dataloader.dataset.pipeline[0]

    assert (window.candidates, window.fps, config.model.selector.count) == (80, 5, 16)
    assert config.train_dataloader.batch_size == 64
    assert config.model.threshold == 0.5


def test_features_of_tiny_kitchen_are_stored_at_the_rate_they_are_read():
    config = load_config('ours_tiny')

    assert config.feature_fps == config.train_dataloader.dataset.pipeline[0].fps


def test_sound_of_tiny_kitchen_is_as_long_as_its_clips():
    sample, _, listen, _ = load_config('ablations/tiny_audio').train_dataloader.dataset.pipeline
    at_test = load_config('ablations/tiny_audio_at_test')

    assert listen.frames == 100 * sample.candidates / sample.fps
    assert at_test.model.audio_at_test == sample.candidates / sample.fps
    for loader in (at_test.val_dataloader, at_test.test_dataloader):
        assert [step.get('frames', '') for step in loader.dataset.pipeline] == ['', None, '']
