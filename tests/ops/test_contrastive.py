"""The contrastive core against loops over its formula and against losses written another way."""

import itertools
import math

import numpy as np
import pytest
import torch

from stgr.ops.contrastive import bag_contrastive


def diagonal(size):
    return torch.eye(size, dtype=torch.bool)


def random_scores(seed, rows, columns):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(rows, columns, generator=generator, dtype=torch.float64) * 2


def looped_loss(scores, positives, negatives, margin, temperature, copies, joint, inside):
    """Average the terms of all rows, summing exponentials cell by cell."""
    scores, terms = scores.numpy(), []
    for r, bag in enumerate(positives.numpy()):
        pos = [math.exp((scores[r, c] - margin) / temperature) for c in np.flatnonzero(bag)]
        cells = {c: {(r, n) for n in np.flatnonzero(negatives[r])} for c in np.flatnonzero(bag)}
        if joint:
            for c in cells:
                cells[c] |= {(n, c) for n in np.flatnonzero(negatives[:, c])}
        if inside:
            pos, cells = [sum(pos)] if pos else [], {0: set().union(*cells.values())}
        neg = [sum(math.exp(scores[x] / temperature) for x in found) for found in cells.values()]
        losses = [math.log((copies * p + n) / p) for p, n in zip(pos, neg, strict=False)]
        terms += [np.mean(losses)] if losses else []
    return np.mean(terms) if terms else 0.0


@pytest.mark.parametrize('inside', [True, False], ids=['inside', 'outside'])
@pytest.mark.parametrize('direction', ['rows', 'columns', 'joint'])
@pytest.mark.parametrize(
    ('margin', 'temperature', 'copies'), [(0, 1, 0), (0.3, 0.5, 1), (1, 2, 2.5)]
)
def test_every_setting_equals_the_formula_in_loops(direction, inside, margin, temperature, copies):
    scores, generator = random_scores(0, 5, 7), torch.Generator().manual_seed(1)
    positives = torch.rand(5, 7, generator=generator) < 0.3
    positives[1] = False  # an anchor without positives
    negatives = ~positives & (torch.rand(5, 7, generator=generator) < 0.7)
    given = (scores, positives, negatives)
    loss = bag_contrastive(
        *given,
        margin=margin,
        temperature=temperature,
        extra_positives=copies,
        direction=direction,
        inside_log=inside,
    )
    looped = looped_loss(
        *((matrix.T for matrix in given) if direction == 'columns' else given),
        margin,
        temperature,
        1 + copies,
        direction == 'joint',
        inside,
    )
    assert loss.item() == pytest.approx(looped, abs=1e-12)


def test_two_pairs_by_hand():
    scores = torch.tensor([[2.0, 1.0], [0.0, 3.0]])
    rows = (math.log(1 + math.exp(-1)) + math.log(1 + math.exp(-3))) / 2
    columns = (math.log(1 + math.exp(-2)) + math.log(1 + math.exp(-2))) / 2
    joint = (
        math.log(1 + math.exp(-1) + math.exp(-2)) + math.log(1 + math.exp(-3) + math.exp(-2))
    ) / 2
    for direction, expected in {'rows': rows, 'columns': columns, 'joint': joint}.items():
        loss = bag_contrastive(scores, diagonal(2), direction=direction)
        assert loss.item() == pytest.approx(expected, abs=1e-6), direction


def test_rows_without_margin_are_the_cross_entropy():
    scores = random_scores(2, 6, 6)
    expected = torch.nn.functional.cross_entropy(scores / 0.07, torch.arange(6))
    loss = bag_contrastive(scores, diagonal(6), temperature=0.07)
    torch.testing.assert_close(loss, expected, atol=1e-12, rtol=0)


def test_joint_is_one_softmax_and_not_the_sum_of_two():
    scores = random_scores(3, 6, 6)
    joint, rows, columns = (
        bag_contrastive(scores, diagonal(6), direction=direction).item()
        for direction in ('joint', 'rows', 'columns')
    )
    assert max(rows, columns) < joint < rows + columns - 0.1


def test_joint_with_bags_equals_the_released_mil_nce_with_candidates():
    clips, candidates = 4, 3
    scores = random_scores(4, clips, clips * candidates)
    cube = scores.view(clips, clips, candidates)
    own = torch.stack([cube[i, i].logsumexp(0) for i in range(clips)])
    both = torch.cat([cube, cube.permute(1, 0, 2)], dim=1).reshape(clips, -1).logsumexp(1)
    positives = diagonal(clips).repeat_interleave(candidates, dim=1)
    loss = bag_contrastive(scores, positives, direction='joint', extra_positives=1)
    torch.testing.assert_close(loss, (both - own).mean(), atol=1e-12, rtol=0)


def test_double_counting_moves_the_floor_from_zero_to_log_two():
    scores = torch.eye(5) * 100
    for copies, floor in ((0, 0.0), (1, math.log(2))):
        loss = bag_contrastive(scores, diagonal(5), extra_positives=copies, direction='joint')
        assert loss.item() == pytest.approx(floor, abs=1e-6)


def test_one_good_positive_is_enough_inside_the_log_only():
    scores = torch.tensor([[10.0, -10.0, 0.0]])
    positives = torch.tensor([[True, True, False]])
    assert bag_contrastive(scores, positives).item() < 1e-3
    assert bag_contrastive(scores, positives, inside_log=False).item() > 4


def test_the_margin_is_taken_off_the_positive_only():
    scores = random_scores(5, 4, 4)
    shifted = scores - 0.7 * torch.eye(4, dtype=torch.float64)
    loss = bag_contrastive(scores, diagonal(4), margin=0.7)
    torch.testing.assert_close(loss, bag_contrastive(shifted, diagonal(4)))


@pytest.mark.parametrize(
    ('direction', 'inside'), list(itertools.product(['rows', 'columns', 'joint'], [True, False]))
)
def test_gradients_are_right_with_empty_anchors_and_without_negatives(direction, inside):
    scores = random_scores(6, 4, 5).requires_grad_()
    positives = torch.tensor([[1, 1, 0, 0, 0], [0] * 5, [1] * 5, [0, 0, 0, 1, 0]]) > 0
    negatives = ~positives & (torch.arange(4) > 1)[:, None]  # anchor 1 has neither
    assert torch.autograd.gradcheck(
        lambda values: bag_contrastive(
            values, positives, negatives, direction=direction, inside_log=inside
        ),
        scores,
    )


@pytest.mark.parametrize('direction', ['rows', 'columns', 'joint'])
def test_a_single_pair_costs_nothing_and_has_a_finite_gradient(direction):
    scores = torch.tensor([[3.0]], requires_grad=True)
    loss = bag_contrastive(scores, diagonal(1), direction=direction)
    loss.backward()
    assert loss.item() == 0
    assert scores.grad.item() == 0


def test_no_positive_at_all_costs_nothing():
    scores = random_scores(7, 3, 3).requires_grad_()
    loss = bag_contrastive(scores, torch.zeros(3, 3, dtype=torch.bool))
    loss.backward()
    assert loss.item() == 0
    assert (scores.grad == 0).all()


def test_huge_scores_do_not_overflow():
    scores = torch.tensor([[3e4, -3e4], [3e4, -3e4]], requires_grad=True)
    loss = bag_contrastive(scores, diagonal(2), temperature=0.01)
    loss.backward()
    assert loss.item() == pytest.approx(3e6)  # the second row's positive loses by 6e4 / 0.01
    assert scores.grad.isfinite().all()


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_half_precision_is_computed_in_float32_also_under_autocast(dtype):
    scores = random_scores(8, 6, 6).to(dtype)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        loss = bag_contrastive(scores, diagonal(6), direction='joint')
    expected = bag_contrastive(scores.float(), diagonal(6), direction='joint')
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, expected, atol=0, rtol=0)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'scores': torch.zeros(2)}, r'must be \(R, C\), but got \(2,\)'),
        ({'positives': diagonal(3)}, r'positives must be bool of shape \(2, 2\)'),
        ({'negatives': torch.ones(2, 2)}, 'negatives must be bool .* got torch.float32'),
        ({'temperature': 0}, 'temperature must be > 0'),
        ({'extra_positives': -1}, 'extra_positives must be >= 0'),
        ({'direction': 'both'}, "but got 'both'"),
    ],
)
def test_wrong_input_is_named(changes, message):
    with pytest.raises(ValueError, match=message):
        bag_contrastive(**{'scores': torch.zeros(2, 2), 'positives': diagonal(2)} | changes)


@pytest.mark.parametrize('direction', ['rows', 'columns', 'joint'])
@pytest.mark.parametrize('margin', [0.5, -3.0])
def test_whole_numbers_are_scores_too_and_the_loss_is_never_negative(direction, margin):
    scores = torch.tensor([[9, 1], [0, 8]])

    loss = bag_contrastive(scores, diagonal(2), margin=margin, direction=direction)

    expected = bag_contrastive(scores.float(), diagonal(2), margin=margin, direction=direction)
    assert loss.dtype == torch.float32
    assert loss.item() == expected.item() > 0
