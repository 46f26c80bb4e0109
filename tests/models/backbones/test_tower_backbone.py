"""What is frozen has no gradient, keeps nothing, never trains, and is a file of its own."""

import hashlib
import json
import shutil

import pytest
import torch
from torch import nn

from stgr.engine import load_weights
from stgr.models.backbones import CLIPBackbone

PARTS = {'vision': 1}  # of two layers: the stem and the first one stay


@pytest.fixture
def make(tiny_clip_dir):
    def make(frozen=PARTS, **settings):
        return CLIPBackbone(tiny_clip_dir, frozen=frozen, **settings)

    return make


@pytest.fixture
def other_clip_dir(tiny_clip_dir, tmp_path):
    """Another CLIP of the same shape: its first vision layer differs."""
    from transformers import AutoTokenizer, CLIPModel

    clip = CLIPModel.from_pretrained(tiny_clip_dir)
    clip.vision_model.encoder.layers[0].layer_norm1.weight.data += 1
    clip.save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(tiny_clip_dir).save_pretrained(tmp_path)
    return tmp_path


def learning(backbone):
    return {name for name, value in backbone.named_parameters() if value.requires_grad}


def encode(backbone):
    return backbone.encode_video(torch.randn(1, 2, 3, 32, 32), torch.ones(1, 2, dtype=torch.bool))


@pytest.mark.parametrize(
    ('tower', 'norm', 'projection'),
    [
        ('vision', 'clip.vision_model.post_layernorm', 'clip.visual_projection.weight'),
        ('text', 'clip.text_model.final_layer_norm', 'clip.text_projection.weight'),
    ],
)
def test_with_all_layers_frozen_the_top_learns(make, tower, norm, projection):
    assert learning(make({tower: 2})) == {f'{norm}.weight', f'{norm}.bias', projection}


def test_the_upper_layers_of_one_tower_learn(make):
    names = learning(make({'vision': 1}))

    last = 'clip.vision_model.encoder.layers.1.'
    every = [name for name, _ in make().named_parameters()]
    assert {n for n in names if '.layers.' in n} == {n for n in every if n.startswith(last)}
    assert len(names) == 16 + 3  # 16 of a layer, two of the norm, one of the projection


def test_true_and_false_of_a_tower_are_the_extremes(make):
    every = {name for name, _ in make().named_parameters()}

    assert learning(make({'vision': True, 'text': True})) == learning(make(True)) == set()
    assert learning(make({'vision': False})) == {name for name in every if '.vis' in name}
    assert learning(make(False)) == every - {'clip.logit_scale'}  # nothing here uses it


@pytest.mark.parametrize(
    ('frozen', 'message'),
    [
        ({'visoin': 1}, "no tower 'visoin'; did you mean vision?"),
        ({'vision': 3}, r'frozen\.vision=3, but the tower has 2 layers; give 0 to 2'),
        ({'text': -1}, r'frozen\.text=-1, but the tower has 2'),
    ],
)
def test_towers_that_are_not_there_are_refused(make, frozen, message):
    with pytest.raises(ValueError, match=message):
        make(frozen)


def test_only_what_learns_is_in_training_mode(make):
    backbone = make()

    nn.Sequential(backbone).train()

    vision = backbone.clip.vision_model
    modes = [layer.training for layer in vision.encoder.layers]
    assert modes == [False, True]
    assert vision.post_layernorm.training
    assert backbone.clip.visual_projection.training
    assert not vision.embeddings.training
    assert not any(module.training for module in backbone.clip.text_model.modules())
    backbone.eval()
    assert not any(module.training for module in backbone.modules())


def test_frozen_layers_keep_nothing_for_a_backward_pass(make):
    backbone = make().train()
    states = {}
    for i, layer in enumerate(backbone.clip.vision_model.encoder.layers):
        layer.register_forward_hook(
            lambda _, __, out, i=i: states.update({i: getattr(out, 'grad_fn', None)})
        )
    video = encode(backbone)
    text = backbone.encode_text(*backbone.tokenize(['flip it over']))

    assert states[0] is None
    assert states[1] is not None
    assert video.patches.requires_grad
    assert not text.words.requires_grad


def test_gradients_of_the_upper_layers_are_those_of_the_whole_model(make):
    partly, wholly = make(), make(False)
    torch.manual_seed(1)
    encode(partly).patches.square().sum().backward()
    torch.manual_seed(1)
    encode(wholly).patches.square().sum().backward()

    reached = dict(wholly.named_parameters())
    for name, parameter in partly.named_parameters():
        if parameter.requires_grad:
            torch.testing.assert_close(parameter.grad, reached[name].grad)
        else:
            assert parameter.grad is None


def test_checkpoint_holds_what_learns_and_the_sum_of_the_rest(make):
    backbone = make()

    names = set(backbone.state_dict())

    assert names == learning(backbone) | {'fingerprint'}


def test_partly_trained_weights_come_back(make):
    model, other = (nn.ModuleDict({'backbone': make()}) for _ in range(2))
    with torch.no_grad():
        model['backbone'].clip.visual_projection.weight.add_(1)

    load_weights(other, model.state_dict(), source='a.pth')

    assert other['backbone'].fingerprint == model['backbone'].fingerprint
    assert other['backbone'].fingerprint != make().fingerprint


def test_a_checkpoint_that_lacks_what_learns_is_refused(make):
    model = nn.ModuleDict({'backbone': make()})
    state = model.state_dict()
    del state['backbone.clip.visual_projection.weight']

    with pytest.raises(ValueError, match=r'1 missing \(backbone\.clip\.visual_projection\.weight'):
        load_weights(model, state, source='a.pth')


def test_checkpoint_fits_no_other_base_and_no_other_part(make, other_clip_dir):
    state = nn.ModuleDict({'backbone': make()}).state_dict()
    other = CLIPBackbone(other_clip_dir, frozen=PARTS)

    with pytest.raises(ValueError, match=r'a\.pth was trained on another frozen backbone'):
        load_weights(nn.ModuleDict({'backbone': other}), state, source='a.pth')
    with pytest.raises(ValueError, match='unexpected'):
        load_weights(nn.ModuleDict({'backbone': make({'vision': 2})}), state, source='a.pth')


def test_base_may_differ_where_the_checkpoint_has_its_own(make, other_clip_dir):
    model = nn.ModuleDict({'backbone': make(False)})
    other = nn.ModuleDict({'backbone': CLIPBackbone(other_clip_dir, frozen=False)})

    load_weights(other, model.state_dict(), source='a.pth')

    assert other['backbone'].fingerprint == model['backbone'].fingerprint


def test_weights_trained_on_raw_pictures_fit_no_backbone_that_normalises(make):
    for frozen in (True, PARTS, False):
        state = nn.ModuleDict({'backbone': make(frozen, normalise=False)}).state_dict()

        with pytest.raises(ValueError, match='another frozen backbone'):
            load_weights(nn.ModuleDict({'backbone': make(frozen)}), state, source='a.pth')


def test_pictures_may_stay_as_they_are_and_their_features_do_not_mix(make):
    raw, usual = make(True, normalise=False), make(True)

    assert (raw.mean, raw.std) == ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    both = f'{usual.fingerprint} raw'  # the sum of the weights, the word for the setting
    assert raw.fingerprint == hashlib.sha256(both.encode()).hexdigest()
    three = f'{usual.fingerprint} value raw'
    raw.patch_tokens = 'value'
    assert raw.fingerprint == hashlib.sha256(three.encode()).hexdigest()


@pytest.fixture
def other_statistics(tiny_clip_dir, tmp_path):
    """Return a function that copies the CLIP and gives it statistics."""

    def make(mean, std):
        folder = shutil.copytree(tiny_clip_dir, tmp_path / 'clip')
        statistics = {'image_mean': mean, 'image_std': std}
        (folder / 'preprocessor_config.json').write_text(json.dumps(statistics))
        return CLIPBackbone(folder)

    return make


def test_pictures_are_normalised_as_the_folder_says_and_features_do_not_mix(make, other_statistics):
    other = other_statistics([0.5, 0.5, 0.5], [0.25, 0.25, 0.25])

    assert (other.mean, other.std) == ((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
    assert other.fingerprint != make(True).fingerprint


def test_openais_statistics_are_the_same_written_out_or_not(make, other_statistics):
    usual = make(True)

    assert other_statistics(usual.mean, usual.std).fingerprint == usual.fingerprint


def test_depth_counts_from_the_top_of_each_tower(make):
    depths = make().depths()

    vision, text = 'clip.vision_model', 'clip.text_model'
    by_hand = {
        'clip.visual_projection.weight': 0,
        f'{vision}.post_layernorm.bias': 0,
        f'{vision}.encoder.layers.1.mlp.fc1.weight': 1,
        f'{vision}.encoder.layers.0.mlp.fc1.weight': 2,
        f'{vision}.embeddings.class_embedding': 3,
        f'{vision}.pre_layrnorm.weight': 3,
        f'{text}.final_layer_norm.weight': 0,
        f'{text}.encoder.layers.0.layer_norm1.bias': 2,
        f'{text}.embeddings.token_embedding.weight': 3,
    }
    assert {name: depths[name] for name in by_hand} == by_hand
    assert 'clip.logit_scale' not in depths


def test_checkpointed_layers_have_the_same_gradients_and_keep_less(make):
    plain, lean = make(False).train(), make(False, gradient_checkpointing=True).train()
    kept = {}
    for name, backbone in (('plain', plain), ('lean', lean)):
        torch.manual_seed(1)
        kept[name] = 0

        def pack(tensor, name=name):
            kept[name] += tensor.numel()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            video, text = encode(backbone), backbone.encode_text(*backbone.tokenize(['stir it']))
        (video.patches.square().sum() + text.words.square().sum()).backward()

    assert kept['lean'] < kept['plain'] / 3
    reached = dict(plain.named_parameters())
    for name, parameter in lean.named_parameters():
        if parameter.requires_grad:
            torch.testing.assert_close(parameter.grad, reached[name].grad, atol=1e-6, rtol=1e-6)
