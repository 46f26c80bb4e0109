"""Self-self attention is what its formula says: by hand, token by token, and in its limits."""

import math

import pytest
import torch

from stgr.ops.self_self_attention import self_self_attention


def by_loops(projections, values, inverse_temperature, iterations):
    """The formula for one head, token by token in float64."""
    n = len(values)
    total = torch.zeros_like(values)
    for projection in projections:
        tokens = projection.clone()
        for step in range(iterations + 1):
            unit = [token / token.norm() for token in tokens]
            source = unit if step < iterations else values
            rows = []
            for i in range(n):
                weights = [
                    math.exp(float(unit[i] @ unit[j]) * inverse_temperature) for j in range(n)
                ]
                share = [w / sum(weights) for w in weights]
                rows.append(sum(share[j] * source[j] for j in range(n)))
            tokens = torch.stack(rows)
        total += tokens
    return total / len(projections)


def test_two_tokens_at_right_angles_by_hand():
    # Lengths 3 and 2 are normalised away: cosines 1 and 0, so weights e / (e + 1) and 1 / (e + 1).
    tokens = torch.tensor([[3.0, 0.0], [0.0, 2.0]], dtype=torch.float64)
    values = torch.tensor([[10.0], [20.0]], dtype=torch.float64)
    near, far = math.e / (math.e + 1), 1 / (math.e + 1)

    gathered = self_self_attention([tokens], values, inverse_temperature=1.0, iterations=0)

    expected = [[10 * near + 20 * far], [10 * far + 20 * near]]
    torch.testing.assert_close(gathered, torch.tensor(expected, dtype=torch.float64))


@pytest.mark.parametrize('iterations', [0, 1, 3])
def test_heads_and_rounds_are_those_of_the_slow_formula(iterations):
    generator = torch.Generator().manual_seed(0)
    queries, keys, values = torch.randn(3, 2, 5, 4, dtype=torch.float64, generator=generator)

    gathered = self_self_attention(
        [queries, keys, values], values, inverse_temperature=2.5, iterations=iterations
    )

    for head in range(2):
        projections = [queries[head], keys[head], values[head]]
        expected = by_loops(projections, values[head], 2.5, iterations)
        torch.testing.assert_close(gathered[head], expected)


def test_sharp_attention_leaves_every_token_its_own_value():
    tokens, values = torch.randn(6, 8), torch.randn(6, 3)

    gathered = self_self_attention([tokens], values, inverse_temperature=1e5)

    torch.testing.assert_close(gathered, values)


def test_flat_attention_gives_every_token_the_mean():
    tokens, values = torch.randn(6, 8), torch.randn(6, 3)

    gathered = self_self_attention([tokens], values, inverse_temperature=0.0)

    torch.testing.assert_close(gathered, values.mean(dim=0).expand(6, 3))


def test_temperature_of_each_picture_is_its_own():
    tokens, values = torch.randn(2, 6, 8), torch.randn(2, 6, 3)
    both = torch.tensor([1.0, 7.0])

    gathered = self_self_attention([tokens], values, inverse_temperature=both[:, None, None])

    for i in range(2):
        alone = self_self_attention([tokens[i]], values[i], inverse_temperature=float(both[i]))
        torch.testing.assert_close(gathered[i], alone)


@pytest.mark.parametrize(('count', 'iterations'), [(0, 1), (1, -1)])
def test_wrong_settings_are_refused(count, iterations):
    with pytest.raises(ValueError, match=r'projection|iterations'):
        self_self_attention(
            [torch.ones(2, 2)] * count,
            torch.ones(2, 2),
            inverse_temperature=1.0,
            iterations=iterations,
        )
