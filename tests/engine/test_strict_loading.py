"""Weights of another model are refused with the names that differ."""

import pytest
import torch
from torch import nn

from stgr.engine import load_weights


@pytest.fixture
def model():
    return nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))


def test_matching_weights_are_loaded_also_from_a_data_parallel_wrapper(model):
    weights = {f'module.{name}': torch.full_like(v, 7) for name, v in model.state_dict().items()}

    load_weights(model, weights, source='a.pth')

    assert all((value == 7).all() for value in model.state_dict().values())


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda w: w.pop('1.bias'), r'1 missing \(1\.bias\)'),
        (lambda w: w.update(extra=torch.ones(1)), r'1 unexpected \(extra\)'),
        (lambda w: w.update({'1.bias': torch.ones(3)}), r'1\.bias \(3,\) instead of \(1,\)'),
        (lambda w: w.clear(), r'4 missing'),
    ],
)
def test_difference_is_named_and_the_model_untouched(change, message, model):
    weights = {name: torch.full_like(value, 7) for name, value in model.state_dict().items()}
    before = [value.clone() for value in model.state_dict().values()]
    change(weights)

    with pytest.raises(ValueError, match=rf'a\.pth does not fit Sequential: .*{message}'):
        load_weights(model, weights, source='a.pth')
    for old, new in zip(before, model.state_dict().values(), strict=True):
        assert torch.equal(old, new)


def test_many_names_are_cut_to_five(model):
    weights = {f'extra{i}': torch.ones(1) for i in range(8)} | model.state_dict()

    with pytest.raises(ValueError, match=r'8 unexpected \(.*extra4, and 3 more\)'):
        load_weights(model, weights, source='a.pth')


def test_weights_of_another_frozen_backbone_are_refused_by_both_fingerprints(model):
    model.register_buffer('fingerprint', torch.tensor([1, 255], dtype=torch.uint8))
    weights = {**model.state_dict(), 'fingerprint': torch.tensor([2, 16], dtype=torch.uint8)}

    with pytest.raises(ValueError, match=r'a\.pth was trained on another.*0210\.\.\..*01ff\.\.\.'):
        load_weights(model, weights, source='a.pth')


def test_a_name_with_and_without_the_wrapper_is_refused(model):
    weights = {**model.state_dict(), 'module.1.bias': torch.ones(1)}

    with pytest.raises(ValueError, match=r'a\.pth holds 1\.bias with and without "module\."'):
        load_weights(model, weights, source='a.pth')
