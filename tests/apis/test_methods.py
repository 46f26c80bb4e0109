"""``--method gem`` puts any image-text model into its config, and answers like a trained model."""

import json

import numpy as np
import pytest

from stgr.apis import Grounder
from stgr.apis.build import build_grounder
from stgr.apis.methods import resolve_model
from stgr.cli import main
from stgr.io.results import load_result

SHORT = {'templates': ('{}',), 'verb_templates': ('{}',), 'object_templates': ('{}',)}


@pytest.fixture
def small_gem(monkeypatch):
    """``gem_clip`` for models of two layers that read 12 tokens."""
    from stgr.apis import methods

    def load_config(name):
        config = real(name)
        if name == 'gem_clip':
            config.model.backbone.layer_weights = (0.5, 0.7, 0.9)
            config.model.backbone.separate_layers = 1
            config.model.prompts.update({**SHORT, 'null_prompts': ('a bowl',)})
        return config

    real = methods.load_config
    monkeypatch.setattr(methods, 'load_config', load_config)


def test_a_source_is_put_into_the_config_of_the_method():
    name, config = resolve_model('some/clip', method='gem')

    assert name == config.model.backbone.source == 'some/clip'
    assert config.model.prompts.file is None
    assert resolve_model(None, method='gem')[0] == 'openai/clip-vit-base-patch16'
    assert resolve_model(None)[0] == 'ours_tiny'


@pytest.mark.parametrize(
    ('layers', 'weights', 'apart'),
    [
        (2, [0.9, 0.9, 0.9], 2),
        (4, [0.6, 0.7, 0.9, 0.9, 0.9], 3),
        (7, [0.3, 0.4, 0.5, 0.6, 0.7, 0.9, 0.9, 0.9], 3),
        (12, [0.3, 0.4, 0.5, 0.6, 0.7, 0.9, 0.9, 0.9], 3),
        (None, [0.3, 0.4, 0.5, 0.6, 0.7, 0.9, 0.9, 0.9], 3),
    ],
)
def test_a_model_of_few_layers_gets_the_weights_of_the_last(layers, weights, apart, tmp_path):
    vision = {} if layers is None else {'num_hidden_layers': layers}
    (tmp_path / 'config.json').write_text(json.dumps({'vision_config': vision}))

    backbone = resolve_model(tmp_path, method='gem')[1].model.backbone

    assert (list(backbone.layer_weights), backbone.separate_layers) == (weights, apart)


def test_the_bundled_clip_answers_without_training(tiny_video):
    door = Grounder('stgr://clip_tiny', method='gem', device='cpu')

    assert len(door.inferencer.model.backbone.layer_weights) == 1 + 4
    assert door.ground(tiny_video, queries=['crack egg']).queries[0].score > -1


def test_a_config_of_the_method_is_taken_as_it_is():
    name, config = resolve_model('gem_tiny', method='gem', prompts='mine.json')

    assert name == 'gem_tiny'
    assert config.model.backbone.source == 'stgr://clip_tiny'
    assert config.model.prompts.file == 'mine.json'


@pytest.mark.parametrize(
    ('asked', 'told'),
    [
        ({'model': None, 'method': 'gme'}, "one of trained, gem, but got 'gme'"),
        ({'model': 'ours_tiny', 'method': 'gem'}, 'no model of the method gem'),
        ({'model': 'ours_tiny', 'prompts': 'x.json'}, 'prompts need --method gem'),
        ({'model': 'some/clip'}, "no model 'some/clip'"),
    ],
)
def test_what_does_not_fit_together_is_refused(asked, told):
    with pytest.raises(ValueError, match=told):
        resolve_model(**asked)


@pytest.mark.parametrize('kind', ['clip', 'siglip'])
def test_command_answers_with_any_model_as_with_a_trained_one(
    kind, small_gem, tiny_clip_dir, tiny_siglip_dir, tiny_video, tmp_path, capsys
):
    source = {'clip': tiny_clip_dir, 'siglip': tiny_siglip_dir}[kind]
    prompts = tmp_path / 'prompts.txt'
    prompts.write_text('flip it over: fry the pancake\n')
    asked = ['--query', 'flip it over', '--query', 'a bowl', '--method', 'gem', '--model']
    more = ['--prompts', str(prompts), '--threshold', '1e-4', '--device', 'cpu']

    status = main(['ground', str(tiny_video), *asked, str(source), *more, '--out', str(tmp_path)])

    assert status == 0
    said = capsys.readouterr()
    assert 'training-free' in said.err
    result = load_result(tmp_path)
    null = result.queries[1]
    assert not null.found, 'what background is compared with is never found'
    assert null.score <= 1e-6
    assert result.model.name == str(source)
    written = {file.name for file in tmp_path.iterdir()}
    assert {'result.json', 'overlay.mp4', 'timeline.png', 'report.html'} <= written


def test_pool_and_heat_maps_are_those_of_the_other_models(small_gem, tiny_clip_dir, tiny_video):
    door = Grounder(tiny_clip_dir, method='gem', device='cpu', threshold=-1.0, rate_fps=4)

    result = door.ground(tiny_video, actions=['crack an egg', 'flip it over'])

    frames = [query.heatmaps.times_sec for query in result.queries if query.found]
    assert np.sort(np.concatenate(frames)).tolist() == result.times_sec.tolist()
    for query in result.queries:
        if query.found:
            sums = query.heatmaps.values.sum(axis=(1, 2))
            np.testing.assert_allclose(sums, 1, atol=1e-5)
            assert query.heatmaps.normalisation == 'sum'


def test_answers_are_made_anew_when_the_file_of_prompts_changes(small_gem, tiny_clip_dir, tmp_path):
    file = tmp_path / 'prompts.json'
    seen = set()
    for told in (['An egg.'], ['A bowl.']):
        file.write_text(json.dumps({'crack': told}))
        name, config = resolve_model(tiny_clip_dir, method='gem', prompts=file)
        _, facts = build_grounder(name, device='cpu', config=config)
        seen.add(facts.config_sha256)

    assert len(seen) == 2


def test_a_model_that_cannot_be_had_is_one_line(tiny_video, tmp_path, capsys):
    asked = ['--query', 'flip', '--method', 'gem', '--out', str(tmp_path / 'out')]

    status = main(['ground', str(tiny_video), *asked, '--model', 'nobody/no-such-model'])

    said = capsys.readouterr().err.strip().splitlines()
    assert (status, len(said)) == (1, 1)
    assert 'hf download nobody/no-such-model' in said[0]
