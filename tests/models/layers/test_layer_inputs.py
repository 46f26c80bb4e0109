"""What enters a layer is what the layer was called with."""

import pytest
import torch
from torch import nn

from stgr.models.layers.layer_inputs import entering, passing


def test_what_enters_is_collected_with_its_gradient():
    first, second = nn.Linear(2, 3), nn.Linear(3, 1)
    picture = torch.ones(1, 2)

    with entering(second) as inputs:
        second(first(picture))
    inputs[0].sum().backward()

    torch.testing.assert_close(inputs[0], first(picture))
    assert first.weight.grad.eq(1).all()


def test_a_named_argument_and_several_calls_are_collected():
    class Layer(nn.Module):
        def forward(self, hidden_states):
            return hidden_states

    layer = Layer()
    with entering(layer) as inputs:
        layer(hidden_states=torch.tensor(1.0))
        layer(torch.tensor(2.0))

    assert [float(value) for value in inputs] == [1.0, 2.0]


def test_nothing_is_watched_after_the_block_even_if_it_fails():
    layer = nn.Identity()

    def fail():
        with entering(layer) as inputs:
            kept.append(inputs)
            raise KeyError('stop')

    kept = []
    with pytest.raises(KeyError):
        fail()
    layer(torch.ones(1))

    assert kept == [[]]


def test_states_are_what_entered_the_first_layer_and_left_each():
    class Pair(nn.Module):
        def forward(self, hidden_states):
            return hidden_states + 1, None

    layers = [nn.Linear(2, 2, bias=False), Pair()]
    layers[0].weight.data = 3 * torch.eye(2)

    with passing(layers) as states:
        layers[1](layers[0](torch.ones(2)))

    assert [state.tolist() for state in states] == [[1, 1], [3, 3], [4, 4]]
    layers[0](torch.ones(2))
    assert len(states) == 3
