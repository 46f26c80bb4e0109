"""A grounder is built with its own weights or not at all."""

import hashlib
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file, save_file

from stgr.apis.build import _notice, build_grounder, choose_device


def test_grounder_has_the_weights_of_the_file_and_says_which(tiny_model):
    config, weights = tiny_model

    grounder, facts = build_grounder(config, weights=weights, device='cpu')

    stored = load_file(weights)
    assert stored.keys() == grounder.state_dict().keys()
    assert all(torch.equal(grounder.state_dict()[name], stored[name]) for name in stored)
    assert not any(module.training for module in grounder.modules())
    assert facts.weights_sha256 == hashlib.sha256(weights.read_bytes()).hexdigest()
    assert len(facts.config_sha256) == 64
    assert (facts.name, facts.notice) == (str(config), None)


def test_notice_of_the_config_is_passed_on(tiny_model, tmp_path):
    config, weights = tiny_model
    noted = tmp_path / 'noted.py'
    noted.write_text(config.read_text() + "notice = 'of a small world'\n")

    assert build_grounder(noted, weights=weights)[1].notice == 'of a small world'


def test_weights_of_another_model_name_the_keys(tiny_model, tmp_path):
    config, weights = tiny_model
    other = load_file(weights)
    other['local_head.extra'] = other.pop('local_head.video_proj.bias')
    other['global_head.text_proj.bias'] = torch.zeros(3)
    save_file(other, tmp_path / 'other.safetensors')

    with pytest.raises(ValueError, match=r'does not fit SpatioTemporalGrounder') as caught:
        build_grounder(config, weights=tmp_path / 'other.safetensors')

    message = str(caught.value)
    assert '1 missing (local_head.video_proj.bias)' in message
    assert '1 unexpected (local_head.extra)' in message
    assert 'global_head.text_proj.bias (3,) instead of (8,)' in message


def test_bundled_backbone_is_no_grounder():
    with pytest.raises(ValueError, match='clip_tiny does not ground: it is a CLIPPretrainer; try'):
        build_grounder('clip_tiny')


def test_model_that_learns_nothing_needs_no_weights():
    grounder, facts = build_grounder('baselines/tiny_zero_shot')

    assert facts.weights_sha256 == grounder.backbone.fingerprint


def test_model_without_bundled_weights_says_how_to_get_some(tiny_model):
    with pytest.raises(FileNotFoundError, match=r'no bundled weights.*tools/train\.py.*--weights'):
        build_grounder(tiny_model[0])


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ('x = 1\n', 'describes no model'),
        (
            'from torch.nn import Identity\nmodel = dict(type=Identity)\n',
            'does not ground: it is a Identity',
        ),
    ],
)
def test_config_of_something_else_is_refused(content, message, tiny_model, tmp_path):
    (tmp_path / 'other.py').write_text(content)

    with pytest.raises(ValueError, match=message):
        build_grounder(tmp_path / 'other.py', weights=tiny_model[1])


@pytest.mark.parametrize('name', ['warp', 'cuda:99', 'xpu'])
def test_device_that_is_not_there_is_a_mistake_of_the_user(name):
    with pytest.raises(ValueError, match=f'cannot compute on {name!r}: .*give cpu or cuda'):
        choose_device(name)


def test_default_device_is_one_that_is_there():
    assert choose_device(None).type == ('cuda' if torch.cuda.is_available() else 'cpu')


@pytest.mark.parametrize(
    ('of_config', 'audio_at_test', 'expected'),
    [
        ('tiny only', None, 'tiny only'),
        (None, 16.0, 'its thresholds were chosen with sound, and it answers without'),
        ('a', 16.0, 'a; its thresholds were chosen with sound, and it answers without'),
    ],
)
def test_a_model_that_listened_says_that_it_answers_without_sound(
    of_config, audio_at_test, expected
):
    assert _notice(of_config, SimpleNamespace(audio_at_test=audio_at_test)) == expected
