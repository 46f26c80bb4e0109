"""A vision transformer of timm gives the features of its own tokens, whatever tokens it has."""

import importlib.util
import json
import shutil
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from stgr.engine import load_weights
from stgr.models.backbones import CLIPBackbone, TimmBackbone

HAS_TIMM = importlib.util.find_spec('timm') is not None
SMALL = {'img_size': 32, 'embed_dim': 24, 'depth': 2, 'num_heads': 2}
TOKENS = {
    'class token': {'class_token': True, 'global_pool': 'token'},
    'registers': {'class_token': True, 'reg_tokens': 4, 'global_pool': 'token'},
    'no class token': {'class_token': False, 'global_pool': 'avg'},
}
PREFIX = {'class token': 1, 'registers': 5, 'no class token': 0}


@pytest.fixture(
    params=[
        pytest.param('timm', marks=pytest.mark.skipif(not HAS_TIMM, reason='needs timm')),
        'its interface',
    ]
)
def _timm(request, monkeypatch):
    if request.param == 'its interface':
        monkeypatch.syspath_prepend(Path(__file__).parent)
        import vit_interface

        vit_interface.install(monkeypatch)


@pytest.fixture
def make(_timm, tiny_clip_dir):
    def make(tokens='class token', **settings):
        args = {**SMALL, **TOKENS[tokens], **settings.pop('model_args', {})}
        settings = {'frozen': False, 'text_source': tiny_clip_dir, **settings}
        return TimmBackbone('vit_tiny_patch16_224', model_args=args, **settings).eval()

    return make


@pytest.fixture
def checkpoint(make, tmp_path):
    """Weights of one model, with a classifier as released files have one."""
    weights = make().encoder['video'].state_dict()
    save_file({**weights, 'head.weight': torch.zeros(10, 24)}, tmp_path / 'vit.safetensors')
    return tmp_path / 'vit.safetensors'


def pictures(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, 3, 3, 32, 32, generator=generator)


MASK = torch.ones(2, 3, dtype=torch.bool)


@pytest.mark.parametrize('tokens', TOKENS)
def test_patches_are_the_tokens_after_the_prefix_and_frames_its_own_pooling(make, tokens):
    backbone, frames = make(tokens), pictures()
    model = backbone.encoder['video']
    for norm in (model.norm, model.fc_norm):
        for parameter in norm.parameters():
            nn.init.normal_(parameter)

    video = backbone.encode_video(frames, MASK)

    assert (video.grid, video.patches.shape, video.frames.shape) == (
        (2, 2),
        (2, 3, 4, 24),
        (2, 3, 24),
    )
    for b, u in ((0, 0), (1, 2)):
        states = model.forward_features(frames[b, u][None])[0]
        assert len(states) == PREFIX[tokens] + 4
        patches = states[PREFIX[tokens] :]
        if tokens == 'no class token':  # its only norm comes after the mean
            expected = model.fc_norm(patches.mean(dim=0))
            patches = model.fc_norm(patches)
        else:
            expected = states[0]
        torch.testing.assert_close(video.frames[b, u], expected, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(video.patches[b, u], patches, atol=1e-5, rtol=1e-5)


def test_patches_are_in_reading_order(make):
    backbone = make()
    model = backbone.encoder['video']
    model.blocks = nn.Sequential()  # so that a patch knows nothing but its own cell
    frames = pictures()
    other = frames.clone()
    other[..., :16, 16:] = 0.0  # above, right: the second of four

    one, two = (backbone.encode_video(f, MASK).patches for f in (frames, other))

    assert ((one - two).abs().sum(dim=-1) > 1e-4)[0, 0].tolist() == [False, True, False, False]


def test_text_is_that_of_the_clip_it_comes_from(make, tiny_clip_dir):
    backbone, clip = make(), CLIPBackbone(tiny_clip_dir)
    batch = backbone.tokenize(['crack an egg', 'flip it over'])

    mine, theirs = backbone.encode_text(*batch), clip.encode_text(*batch)

    torch.testing.assert_close(mine.words, theirs.words)
    torch.testing.assert_close(mine.sentence, theirs.sentence)
    assert (backbone.video_dim, backbone.text_dim) == (24, 32)
    assert backbone.tokens_cut(['crack an egg ' * 30]) == clip.tokens_cut(['crack an egg ' * 30])


def test_facts_of_the_input_are_those_of_the_model(make):
    backbone = make()

    assert (backbone.image_size, backbone.grid) == (32, (2, 2))
    assert all(len(values) == 3 for values in (backbone.mean, backbone.std))


def test_checkpoint_is_loaded_without_its_classifier(make, checkpoint):
    backbone = make(checkpoint=checkpoint, frozen=True)

    assert not any(parameter.requires_grad for parameter in backbone.parameters())
    assert set(backbone.state_dict()) == {'fingerprint'}
    assert make(checkpoint=checkpoint).fingerprint == backbone.fingerprint
    assert make().fingerprint != backbone.fingerprint


def test_checkpoint_of_another_model_or_kind_is_refused(make, checkpoint, tmp_path):
    with pytest.raises(ValueError, match='weights of another model'):
        make(checkpoint=checkpoint, model_args={'embed_dim': 48})
    (tmp_path / 'vit.pth').touch()
    with pytest.raises(ValueError, match=r'vit\.pth is no \.safetensors file'):
        make(checkpoint=tmp_path / 'vit.pth')
    with pytest.raises(FileNotFoundError, match=r'no such checkpoint: gone\.safetensors'):
        make(checkpoint='gone.safetensors')


def test_fingerprint_follows_the_words_of_the_tokens(make, checkpoint, tiny_clip_dir, tmp_path):
    """The other folder has the same weights, but two tokens have changed places."""
    other = shutil.copytree(tiny_clip_dir, tmp_path / 'clip')
    tokenizer = json.loads((other / 'tokenizer.json').read_text(encoding='utf-8'))
    vocab = tokenizer['model']['vocab']
    vocab['a</w>'], vocab['b</w>'] = vocab['b</w>'], vocab['a</w>']
    (other / 'tokenizer.json').write_text(json.dumps(tokenizer), encoding='utf-8')

    assert (
        make(checkpoint=checkpoint, text_source=other).fingerprint
        != make(checkpoint=checkpoint).fingerprint
    )


def test_fingerprint_says_which_model_the_weights_are_in(make, checkpoint):
    plain, other = (make(checkpoint=checkpoint) for _ in range(2))
    other.model_name = 'vit_tiny_patch16_224.augreg_in21k'  # other statistics

    assert other.fingerprint != plain.fingerprint


def test_random_weights_cannot_be_frozen(make):
    for frozen in (True, {'vision': 1}):
        with pytest.raises(ValueError, match='random weights, which no checkpoint would hold'):
            make(frozen=frozen)
    make(frozen={'vision': False, 'text': True})


def test_part_of_it_learns_and_comes_back(make, checkpoint):
    backbone, other = (make(checkpoint=checkpoint, frozen={'vision': 1}) for _ in range(2))
    learning = {name for name, p in backbone.named_parameters() if p.requires_grad}
    blocks = {name.split('.')[3] for name in learning if '.blocks.' in name}
    with torch.no_grad():
        backbone.encoder['video'].norm.weight.add_(1)

    load_weights(other, backbone.state_dict(), source='a.pth')

    assert blocks == {'1'}
    assert set(backbone.state_dict()) == learning | {'fingerprint'}
    assert other.fingerprint == backbone.fingerprint
    depths = backbone.depths()
    assert depths['encoder.video.norm.weight'] == 0
    assert depths['encoder.video.pos_embed'] == 3


def test_convolutional_models_and_unknown_names_are_refused(make, tiny_clip_dir):
    with pytest.raises(ValueError, match=r'resnet50_clip is no vision transformer .*lacks blocks'):
        TimmBackbone('resnet50_clip', text_source=tiny_clip_dir)
    with pytest.raises(ValueError, match="no model 'vit_tni'"):
        TimmBackbone('vit_tni', text_source=tiny_clip_dir)


def test_missing_package_is_named_with_the_extra(tiny_clip_dir, monkeypatch):
    monkeypatch.setitem(sys.modules, 'timm', None)

    with pytest.raises(ImportError, match=r"pip install 'stgr\[timm\]'"):
        TimmBackbone('vit_tiny_patch16_224', text_source=tiny_clip_dir)
