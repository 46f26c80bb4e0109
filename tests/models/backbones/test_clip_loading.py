"""A CLIP is found, or the error says how to get it; what does not fit together is refused."""

import json
import os
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from stgr.models.backbones.clip_loading import fingerprint, load_clip, read_statistics
from stgr.models.backbones.tiny_tokenizer import train_clip_tokenizer


@pytest.fixture
def clip_copy(tiny_clip_dir, tmp_path):
    """A copy of the tiny CLIP that a test may damage."""
    return shutil.copytree(tiny_clip_dir, tmp_path / 'clip')


def set_end_mark(folder, token_id):
    config = json.loads((folder / 'config.json').read_text())
    config['text_config']['eos_token_id'] = token_id
    (folder / 'config.json').write_text(json.dumps(config))


@pytest.mark.parametrize('source', ['./nowhere', '/nowhere/clip', 'nowhere', 'a/b/c'])
def test_missing_folder_says_what_belongs_into_it(source):
    with pytest.raises(FileNotFoundError, match=r'no such folder: .*(nowhere|a/b/c).*config\.json'):
        load_clip(source)


def test_hub_name_without_network_says_how_to_get_it():
    with pytest.raises(FileNotFoundError, match=r'hf download nobody/no-such-clip.*give its path'):
        load_clip('nobody/no-such-clip')


@pytest.fixture
def hub(clip_copy, monkeypatch):
    """A hub that has the tiny CLIP as pytorch_model.bin only."""
    weights = load_file(clip_copy / 'model.safetensors')
    (clip_copy / 'model.safetensors').unlink()
    torch.save(weights, clip_copy / 'pytorch_model.bin')
    monkeypatch.setattr('stgr.models.backbones.clip_loading.hub_folder', lambda name: clip_copy)
    return clip_copy


def test_a_hub_name_that_has_no_safetensors_is_loaded_from_its_bin(hub, tiny_clip_dir):
    model, _ = load_clip('someone/old-clip')

    assert fingerprint(model) == fingerprint(load_clip(tiny_clip_dir)[0])


class RunsCode:
    """A pickle that makes a folder when it is read."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


def test_a_bin_with_code_in_it_is_refused_and_the_code_not_run(hub, tmp_path):
    torch.save({'logit_scale': RunsCode(tmp_path / 'harm')}, hub / 'pytorch_model.bin')

    with pytest.raises(ValueError, match=r'^someone/old-clip: pytorch_model\.bin holds more than'):
        load_clip('someone/old-clip')

    assert not (tmp_path / 'harm').exists()


def test_unknown_bundled_name_lists_what_there_is():
    with pytest.raises(FileNotFoundError, match=r"no weights 'no_such_clip'; it carries \["):
        load_clip('stgr://no_such_clip')


def rewrite(folder, change):
    """Change the tensors of a model in place."""
    weights = load_file(folder / 'model.safetensors')
    change(weights)
    save_file(weights, folder / 'model.safetensors', metadata={'format': 'pt'})


@pytest.mark.parametrize(
    ('change', 'fault'),
    [
        (lambda w: w.pop('visual_projection.weight'), r'1 missing \(visual_projection\.weight\)'),
        (lambda w: w.update(rest=torch.ones(2)), r'1 unexpected \(rest\)'),
        (
            lambda w: w.update({'text_projection.weight': torch.ones(3, 32)}),
            r'1 of another shape \(text_projection\.weight\)',
        ),
    ],
)
def test_weights_that_are_not_just_those_of_the_model_are_refused(clip_copy, change, fault):
    rewrite(clip_copy, change)

    with pytest.raises(ValueError, match=rf'clip do not fit its config\.json: {fault};'):
        load_clip(clip_copy)


def test_numbered_positions_of_older_files_are_left_out(clip_copy, tiny_clip_dir):
    name = 'text_model.embeddings.position_ids'
    rewrite(clip_copy, lambda weights: weights.update({name: torch.arange(24)[None]}))

    assert fingerprint(load_clip(clip_copy)[0]) == fingerprint(load_clip(tiny_clip_dir)[0])


def test_a_model_of_another_kind_is_refused(clip_copy):
    config = json.loads((clip_copy / 'config.json').read_text()) | {'model_type': 'siglip'}
    (clip_copy / 'config.json').write_text(json.dumps(config))

    with pytest.raises(ValueError, match=r"is no CLIP: .*model_type 'siglip', expected 'clip'"):
        load_clip(clip_copy)


def test_folder_without_tokenizer_is_refused(clip_copy):
    for file in clip_copy.iterdir():
        if file.name not in ('config.json', 'model.safetensors'):
            file.unlink()

    with pytest.raises(ValueError, match='holds no tokenizer'):
        load_clip(clip_copy)


def test_tokenizer_of_another_model_is_refused(clip_copy):
    set_end_mark(clip_copy, 5)

    with pytest.raises(ValueError, match=r'end marks differ.*tokenizer 599, model 5'):
        load_clip(clip_copy)


def test_legacy_end_mark_is_accepted_where_the_last_token_is_the_end(clip_copy):
    set_end_mark(clip_copy, 2)

    _, tokenizer = load_clip(clip_copy)

    assert tokenizer.eos_token_id == len(tokenizer) - 1


def test_larger_tokenizer_than_the_model_knows_is_refused(clip_copy):
    words = [f'{a}{b}{c}' for a in 'abcdefgh' for b in 'ijklmnop' for c in 'qrstuvwx']
    train_clip_tokenizer(words, clip_copy, vocab_size=700)

    with pytest.raises(ValueError, match=r'has \d+ tokens, but the model knows 600'):
        load_clip(clip_copy)


def test_weights_are_loaded_in_float32(tiny_clip_dir):
    model, tokenizer = load_clip(tiny_clip_dir)

    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert tokenizer.model_max_length == 24


def test_fingerprint_changes_with_one_weight_and_with_a_name():
    module = nn.Linear(2, 2)
    before = fingerprint(module)

    assert fingerprint(module) == before
    assert fingerprint(nn.Sequential(module)) != before
    with torch.no_grad():
        module.weight[0, 0] += 1e-6
    assert fingerprint(module) != before


def test_fingerprint_of_the_same_folder_is_the_same(tiny_clip_dir):
    assert fingerprint(load_clip(tiny_clip_dir)[0]) == fingerprint(load_clip(tiny_clip_dir)[0])


def write_statistics(folder, **settings):
    (folder / 'preprocessor_config.json').write_text(json.dumps(settings))
    return folder


def test_statistics_are_those_of_the_folder(clip_copy):
    write_statistics(clip_copy, image_mean=[0.5, 0.4, 0.3], image_std=[1, 0.2, 0.1])

    assert read_statistics(clip_copy) == ((0.5, 0.4, 0.3), (1, 0.2, 0.1))


@pytest.mark.parametrize('settings', [None, {'size': 224}])
def test_statistics_are_openais_where_the_folder_has_none(clip_copy, settings):
    if settings is not None:
        write_statistics(clip_copy, **settings)

    mean, std = read_statistics(clip_copy)

    assert mean == (0.48145466, 0.4578275, 0.40821073)
    assert std == (0.26862954, 0.26130258, 0.27577711)


@pytest.mark.parametrize('key', ['image_mean', 'image_std'])
@pytest.mark.parametrize(
    'values', [0.5, [0.5, 0.5], ['0.5'] * 3, [0.5, None, 1], [float('nan')] * 3]
)
def test_statistics_that_are_not_three_numbers_are_refused(clip_copy, key, values):
    write_statistics(clip_copy, **{key: values})

    with pytest.raises(
        ValueError, match=rf'{key} in .*preprocessor_config\.json must be three num'
    ):
        read_statistics(clip_copy)


def test_statistics_that_would_divide_by_nothing_are_refused(clip_copy):
    write_statistics(clip_copy, image_std=[0.2, 0, 0.2])

    with pytest.raises(
        ValueError, match=r'image_std in .* must be > 0, but is \[0\.2, 0\.0, 0\.2\]'
    ):
        read_statistics(clip_copy)


def test_damaged_statistics_are_named(clip_copy):
    (clip_copy / 'preprocessor_config.json').write_text('{')

    with pytest.raises(ValueError, match=r'preprocessor_config\.json is no JSON'):
        read_statistics(clip_copy)
