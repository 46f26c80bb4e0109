"""Transport plans against values by hand, POT and the properties that define them."""

import math

import numpy as np
import pytest
import torch

from stgr.ops.sinkhorn import sinkhorn


def problems(seed, batch, rows, columns, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(batch, rows, columns, generator=generator, dtype=dtype)


def pot_plan(similarity, row_marginal, column_marginal, epsilon, iterations):
    ot = pytest.importorskip('ot')
    plan = ot.sinkhorn(
        np.asarray(row_marginal),
        np.asarray(column_marginal),
        -np.asarray(similarity),
        reg=epsilon,
        method='sinkhorn_log',
        numItermax=iterations,
        stopThr=0,
        warn=False,
    )
    return torch.from_numpy(plan)


def uniform(count):
    return torch.full((count,), 1 / count, dtype=torch.float64)


def test_a_symmetric_two_by_two_plan_has_its_closed_form():
    similarity = torch.tensor([[[3.0, 1.0], [1.0, 3.0]]])
    plan, error = sinkhorn(similarity, epsilon=0.5, iterations=1)
    likely = math.exp(4) / (math.exp(4) + 1) / 2  # exp(3/0.5) against exp(1/0.5), half per row
    expected = torch.tensor([[[likely, 0.5 - likely], [0.5 - likely, likely]]])
    torch.testing.assert_close(plan, expected)
    assert error.item() < 1e-6


@pytest.mark.parametrize('epsilon', [0.5, 0.1, 0.05])
def test_a_converged_plan_equals_pot(epsilon):
    similarity = problems(0, 1, 12, 5)
    plan, error = sinkhorn(similarity, epsilon=epsilon, iterations=2000)
    expected = pot_plan(similarity[0], uniform(12), uniform(5), epsilon, 2000)
    torch.testing.assert_close(plan[0], expected, atol=1e-8, rtol=0)
    assert error.item() < 1e-8


def test_three_iterations_equal_three_of_pot():
    similarity = problems(1, 1, 9, 4)
    expected = pot_plan(similarity[0], uniform(9), uniform(4), 0.05, 3)
    torch.testing.assert_close(sinkhorn(similarity).plan[0], expected, atol=1e-12, rtol=0)


@pytest.mark.parametrize('iterations', [1, 3, 2000])
def test_masked_problems_equal_pot_on_the_real_part(iterations):
    similarity = problems(2, 3, 10, 6)
    row_mask = torch.rand(3, 10, generator=torch.Generator().manual_seed(3)) > 0.4
    column_mask = torch.arange(6) < torch.tensor([[6], [3], [1]])
    masks = {'row_mask': row_mask, 'column_mask': column_mask}
    plan = sinkhorn(similarity, epsilon=0.1, iterations=iterations, **masks).plan
    for clip in range(3):
        rows, columns = row_mask[clip].nonzero()[:, 0], column_mask[clip].nonzero()[:, 0]
        real = similarity[clip][rows][:, columns]
        expected = torch.zeros(10, 6, dtype=torch.float64)
        marginals = uniform(len(rows)), uniform(len(columns))
        expected[rows[:, None], columns] = pot_plan(real, *marginals, 0.1, iterations)
        torch.testing.assert_close(plan[clip], expected, atol=1e-8, rtol=0)


def test_given_marginals_equal_pot_and_are_scaled_to_one():
    similarity = problems(4, 1, 7, 3)
    rows = torch.tensor([[1.0, 2, 3, 4, 0, 5, 6]], dtype=torch.float64)
    columns = torch.tensor([[0.2, 0.7, 0.1]], dtype=torch.float64)
    plan = sinkhorn(
        similarity, row_marginal=rows, column_marginal=columns, epsilon=0.1, iterations=3000
    ).plan
    expected = pot_plan(similarity[0], rows[0] / 21, columns[0], 0.1, 3000)
    torch.testing.assert_close(plan[0], expected, atol=1e-8, rtol=0)


def test_what_stands_in_padding_is_never_read():
    similarity = problems(5, 1, 6, 4)
    row_mask = torch.tensor([[True, False, True, True, True, False]])
    column_mask = torch.tensor([[True, True, False, True]])
    clean = sinkhorn(similarity, row_mask=row_mask, column_mask=column_mask).plan
    dirty_similarity = similarity.masked_fill(~row_mask[:, :, None], torch.nan)
    dirty_similarity = dirty_similarity.masked_fill(~column_mask[:, None, :], torch.inf)
    dirty = sinkhorn(dirty_similarity, row_mask=row_mask, column_mask=column_mask).plan
    torch.testing.assert_close(dirty, clean, atol=0, rtol=0)
    assert (clean[0, ~row_mask[0]] == 0).all()
    assert (clean[0, :, ~column_mask[0]] == 0).all()


@pytest.mark.parametrize(
    ('real_rows', 'real_columns'),
    [(0, 3), (4, 0), (0, 0)],
    ids=['no real row', 'no real column', 'neither'],
)
def test_a_problem_with_an_empty_side_has_the_plan_zero(real_rows, real_columns):
    plan, error = sinkhorn(
        problems(6, 1, 4, 3),
        row_mask=torch.arange(4)[None] < real_rows,
        column_mask=torch.arange(3)[None] < real_columns,
    )
    assert (plan == 0).all()
    assert error.tolist() == [0]


def test_one_column_makes_the_plan_constant():
    plan = sinkhorn(problems(7, 1, 5, 1)).plan
    torch.testing.assert_close(plan, torch.full((1, 5, 1), 0.2, dtype=torch.float64))


def test_rows_are_exact_and_columns_come_closer_with_iterations():
    similarity = problems(8, 4, 20, 8) / 0.1
    errors = [sinkhorn(similarity, iterations=count).marginal_error for count in (1, 3, 10)]
    assert (errors[0] > errors[1]).all()
    assert (errors[1] > errors[2]).all()
    rows = sinkhorn(similarity).plan.sum(dim=2)
    torch.testing.assert_close(rows, torch.full_like(rows, 1 / 20), atol=1e-12, rtol=0)


def test_the_marginal_error_is_the_misplaced_mass():
    similarity = problems(9, 1, 6, 3) / 0.1
    plan, error = sinkhorn(similarity, iterations=1)
    assert error.item() == pytest.approx((plan[0].sum(dim=0) - 1 / 3).abs().sum().item())
    assert error.item() > 1e-3


def test_a_sharp_kernel_that_overflows_when_exponentiated_stays_right():
    cosines = problems(10, 2, 16, 6)
    single = sinkhorn((cosines / 0.1).float(), epsilon=0.05)
    assert (cosines / 0.1 / 0.05).float().exp().isinf().any()
    torch.testing.assert_close(
        single.plan.double(), sinkhorn(cosines / 0.1).plan, atol=1e-5, rtol=0
    )


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_half_precision_is_computed_in_float32_also_under_autocast(dtype):
    similarity = problems(11, 2, 6, 4, torch.float32).to(dtype)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        plan = sinkhorn(similarity).plan
    assert plan.dtype == torch.float32
    torch.testing.assert_close(plan, sinkhorn(similarity.float()).plan, atol=0, rtol=0)


def test_a_batch_of_two_equals_two_batches_of_one():
    similarity = problems(12, 2, 8, 5) / 0.1
    masks = {'row_mask': torch.arange(8) < torch.tensor([[8], [5]])}
    masks['column_mask'] = torch.arange(5) < torch.tensor([[2], [5]])
    together = sinkhorn(similarity, tolerance=1e-3, iterations=200, **masks).plan
    for clip in range(2):
        own = {name: mask[clip : clip + 1] for name, mask in masks.items()}
        alone = sinkhorn(similarity[clip : clip + 1], tolerance=1e-3, iterations=200, **own).plan
        torch.testing.assert_close(together[clip : clip + 1], alone, atol=1e-14, rtol=0)


def test_a_tolerance_stops_as_soon_as_it_is_met():
    similarity = problems(13, 1, 10, 4)
    errors = [sinkhorn(similarity, iterations=n).marginal_error.item() for n in range(1, 60)]
    enough = next(n for n, error in enumerate(errors, start=1) if error <= 1e-2)
    stopped = sinkhorn(similarity, iterations=60, tolerance=1e-2)
    assert enough > 1
    assert stopped.marginal_error.item() == pytest.approx(errors[enough - 1], rel=1e-9)


def test_shuffled_rows_and_columns_shuffle_the_plan():
    similarity = problems(14, 1, 6, 4)
    rows, columns = torch.tensor([3, 1, 5, 0, 2, 4]), torch.tensor([2, 0, 3, 1])
    expected = sinkhorn(similarity).plan[:, rows][:, :, columns]
    shuffled = sinkhorn(similarity[:, rows][:, :, columns]).plan
    torch.testing.assert_close(shuffled, expected, atol=1e-14, rtol=0)


def test_the_plan_of_a_masked_problem_has_the_right_gradient():
    similarity = problems(15, 2, 4, 3).requires_grad_()
    row_mask = torch.tensor([[True, True, True, False], [False] * 4])
    assert torch.autograd.gradcheck(
        lambda values: sinkhorn(values, row_mask=row_mask, epsilon=0.5).plan, similarity
    )


@pytest.mark.parametrize(
    ('similarity', 'settings', 'message'),
    [
        (torch.zeros(2, 3), {}, r'must be \(B, U, L\), but got \(2, 3\)'),
        (torch.zeros(1, 2, 3), {'epsilon': 0}, 'epsilon must be > 0'),
        (torch.zeros(1, 2, 3), {'iterations': 0}, 'iterations must be >= 1'),
        (torch.zeros(1, 2, 3), {'row_mask': torch.ones(1, 3) > 0}, r'row_mask .* \(1, 2\)'),
        (torch.zeros(1, 2, 3), {'column_mask': torch.ones(1, 3)}, 'column_mask must be bool'),
        (torch.zeros(1, 2, 3), {'row_marginal': torch.ones(1, 3)}, r'row_marginal .* \(1, 2\)'),
        (torch.zeros(1, 1, 2), {'column_marginal': torch.tensor([[2.0, -1]])}, 'least is -1'),
    ],
)
def test_wrong_input_is_named(similarity, settings, message):
    with pytest.raises(ValueError, match=message):
        sinkhorn(similarity, **settings)


def test_whole_numbers_are_similarities_too():
    similarity = torch.tensor([[[3, 0], [1, 2]]])

    plan, error = sinkhorn(similarity, epsilon=0.5)

    assert plan.dtype == torch.float32
    assert torch.equal(plan, sinkhorn(similarity.float(), epsilon=0.5).plan)
    assert error.item() < 2
