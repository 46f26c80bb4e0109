"""Learning rates fall layer by layer, by values worked by hand on a stack of three."""

import pytest
import torch
from mmengine.optim import OptimWrapper, build_optim_wrapper
from torch import nn

from stgr.engine import LayerDecayOptimWrapperConstructor
from stgr.models.backbones.tower_backbone import Tower


class Stack(nn.Module):
    """A stem, three layers and a top, each with one number."""

    def __init__(self):
        super().__init__()
        self.stem, self.top = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
        self.layers = nn.ModuleList(nn.Linear(1, 1, bias=False) for _ in range(3))

    def depths(self):
        depths = Tower((self,), self.layers, (self.top,)).depths()
        return {name: depths[id(value)] for name, value in self.named_parameters()}


@pytest.fixture
def model():
    parts = {'backbone': Stack(), 'head': nn.Linear(1, 1), 'local_head': nn.LayerNorm(1)}
    return nn.ModuleDict(parts)


def rates(model, **paramwise):
    config = {
        'type': OptimWrapper,
        'optimizer': {'type': torch.optim.AdamW, 'lr': 1e-3, 'weight_decay': 0.1},
        'constructor': LayerDecayOptimWrapperConstructor,
        'paramwise_cfg': paramwise,
    }
    names = {id(value): name for name, value in model.named_parameters()}
    groups = build_optim_wrapper(model, config).optimizer.param_groups
    return {names[id(p)]: (g['lr'], g['weight_decay']) for g in groups for p in g['params']}


BY_HAND = {  # a tenth of 1e-3, halved once per layer
    'backbone.top.weight': 1e-4,
    'backbone.layers.2.weight': 5e-5,
    'backbone.layers.1.weight': 2.5e-5,
    'backbone.layers.0.weight': 1.25e-5,
    'backbone.stem.weight': 6.25e-6,
    'head.weight': 1e-3,
    'head.bias': 1e-3,
    'local_head.weight': 3e-2,
    'local_head.bias': 3e-2,
}
KEYS = {'backbone': {'lr_mult': 0.1}, 'local_head': {'lr_mult': 30}}


def test_rates_are_those_worked_by_hand(model):
    found = rates(model, layer_decay=0.5, custom_keys=KEYS)

    assert {name: lr for name, (lr, _) in found.items()} == pytest.approx(BY_HAND)


def test_without_custom_keys_the_base_rate_falls(model):
    found = rates(model, layer_decay=0.5, norm_decay_mult=0.0)

    assert found['backbone.top.weight'][0] == pytest.approx(1e-3)
    assert found['backbone.stem.weight'] == pytest.approx((1e-3 / 16, 0.1))
    assert found['local_head.weight'] == pytest.approx((1e-3, 0.0))


def test_frozen_parameters_are_in_no_group(model):
    model['backbone'].stem.requires_grad_(False)
    model['backbone'].layers[0].requires_grad_(False)

    found = rates(model, layer_decay=0.5, custom_keys=KEYS)

    left = {n: lr for n, lr in BY_HAND.items() if '.stem.' not in n and '.layers.0.' not in n}
    assert {name: lr for name, (lr, _) in found.items()} == pytest.approx(left)


def test_a_decay_that_could_have_no_effect_is_refused(model):
    model['backbone'].requires_grad_(False)
    with pytest.raises(ValueError, match=r'no layer of the backbone of ModuleDict learns'):
        rates(model, layer_decay=0.5)


class Layerless(nn.Linear):
    """A backbone that says it has no layers."""

    def depths(self):
        return {}


@pytest.mark.parametrize('backbone', [nn.Linear(1, 1), Layerless(1, 1)])
def test_a_backbone_without_layers_is_told_so(backbone):
    named = rf'but {type(backbone).__name__} has no stack of layers .*; leave layer_decay'
    with pytest.raises(ValueError, match=named):
        rates(nn.ModuleDict({'backbone': backbone}), layer_decay=0.5)
    with pytest.raises(ValueError, match='the ModuleDict has no stack of layers'):
        rates(nn.ModuleDict({'head': nn.Linear(1, 1)}), layer_decay=0.5)


@pytest.mark.parametrize('paramwise', [{}, {'layer_decay': 0}, {'layer_decay': 1.5}])
def test_missing_or_impossible_decay_is_refused(model, paramwise):
    with pytest.raises(ValueError, match=r'layer_decay must be in \(0, 1\], but is'):
        rates(model, **paramwise)
