"""The named losses against their formulas written independently, and against the official code."""

import json
import math
import os
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from stgr.models.losses import InfoNCELoss, MILNCELoss, MMSLoss, ScoreLoss
from stgr.registry import MODELS

HAND = torch.tensor([[2.0, 1.0], [0.0, 3.0]])  # clip 0 and narration 0 are a pair, score 2


def random_scores(size, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(size, size)) * 2)


def mms(scores, margin, temperature=1.0):
    total = 0.0
    for table in (scores, scores.T):
        for i, row in enumerate(table):
            own = math.exp((row[i] - margin) / temperature)
            others = sum(math.exp(value / temperature) for j, value in enumerate(row) if j != i)
            total -= math.log(own / (own + others)) / len(table)
    return total


def mil_nce(scores, copies):
    losses = []
    for i in range(len(scores)):
        row, column = np.delete(scores[i], i), np.delete(scores[:, i], i)
        own = np.exp(scores[i, i])
        losses.append(np.log(copies + (np.exp(row).sum() + np.exp(column).sum()) / own))
    return np.mean(losses)


@pytest.mark.parametrize(
    ('loss', 'expected'),
    [
        (
            MMSLoss(margin=0.0),
            (math.log1p(math.exp(-1)) + math.log1p(math.exp(-3))) / 2 + math.log1p(math.exp(-2)),
        ),
        (
            MMSLoss(margin=0.5),
            (math.log1p(math.exp(-0.5)) + math.log1p(math.exp(-2.5))) / 2
            + math.log1p(math.exp(-1.5)),
        ),
        (
            MILNCELoss(),
            (math.log(1 + math.exp(-1) + math.exp(-2)) + math.log(1 + math.exp(-3) + math.exp(-2)))
            / 2,
        ),
        (
            MILNCELoss(temperature=0.5),
            (math.log(1 + math.exp(-2) + math.exp(-4)) + math.log(1 + math.exp(-6) + math.exp(-4)))
            / 2,
        ),
        (
            MILNCELoss(count_positives_twice=True),
            (math.log(2 + math.exp(-1) + math.exp(-2)) + math.log(2 + math.exp(-3) + math.exp(-2)))
            / 2,
        ),
        (
            InfoNCELoss(temperature=0.5),
            (math.log1p(math.exp(-2)) + math.log1p(math.exp(-6))) / 4
            + math.log1p(math.exp(-4)) / 2,
        ),
    ],
    ids=['mms', 'mms with margin', 'mil-nce', 'mil-nce sharper', 'mil-nce released', 'info-nce'],
)
def test_two_pairs_by_hand(loss, expected):
    assert loss(HAND).item() == pytest.approx(expected, abs=1e-6)


def test_mms_is_the_formula_of_the_paper():
    scores = random_scores(6)
    assert MMSLoss()(scores).item() == pytest.approx(mms(scores.numpy(), 0.001), abs=1e-12)
    warm = MMSLoss(margin=0.2, temperature=3.0)(scores).item()
    assert warm == pytest.approx(mms(scores.numpy(), 0.2, 3.0), abs=1e-12)


@pytest.mark.parametrize('twice', [False, True])
def test_mil_nce_is_one_softmax_over_row_and_column(twice):
    scores = random_scores(6)
    loss = MILNCELoss(count_positives_twice=twice)(scores).item()
    assert loss == pytest.approx(mil_nce(scores.numpy(), 1 + twice), abs=1e-12)
    assert loss < MMSLoss(margin=0.0)(scores).item() - 0.1 or twice


def test_info_nce_is_half_of_mms_without_margin():
    scores = random_scores(5)
    torch.testing.assert_close(InfoNCELoss(temperature=1)(scores) * 2, MMSLoss(margin=0)(scores))


def test_info_nce_is_the_mean_of_two_cross_entropies():
    scores, targets = random_scores(7), torch.arange(7)
    entropies = [
        torch.nn.functional.cross_entropy(table / 0.07, targets) for table in (scores, scores.T)
    ]
    torch.testing.assert_close(InfoNCELoss()(scores), sum(entropies) / 2)


def test_a_bag_of_narrations_counts_by_its_best_one_in_mil_nce():
    scores = torch.tensor([[9.0, -9.0, 0.0, 0.0], [0.0, 0.0, 9.0, -9.0]])
    bags = torch.tensor([[True, True, False, False], [False, False, True, True]])
    assert MILNCELoss()(scores, bags).item() < 1e-2
    # Of two positives one is lost: log(1 + 2 e^9) against two negatives, log(1 + e^9) against one.
    both_ways = (math.log1p(2 * math.exp(9)) + math.log1p(2 * math.exp(-9))) / 2
    both_ways += (math.log1p(math.exp(9)) + math.log1p(math.exp(-9))) / 2
    assert MMSLoss(margin=0)(scores, bags).item() == pytest.approx(both_ways, abs=1e-5)


LOSSES = [kind for kind in MODELS.module_dict.values() if issubclass(kind, ScoreLoss)]


@pytest.mark.parametrize('kind', LOSSES)
def test_a_loss_does_not_depend_on_the_order_of_clips(kind):
    scores, order = random_scores(6), torch.tensor([3, 1, 5, 0, 4, 2])
    torch.testing.assert_close(kind()(scores[order][:, order]), kind()(scores))


@pytest.mark.parametrize('kind', LOSSES)
def test_a_better_positive_lowers_a_loss_and_a_better_negative_raises_it(kind):
    scores = random_scores(4).requires_grad_()
    kind()(scores).backward()
    own = torch.eye(4, dtype=torch.bool)
    assert (scores.grad[own] < 0).all()
    assert (scores.grad[~own] > 0).all()


@pytest.mark.parametrize('kind', LOSSES)
def test_a_loss_is_float32_under_autocast(kind):
    scores = random_scores(6).bfloat16()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        loss = kind()(scores)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, kind()(scores.float()), atol=0, rtol=0)


@pytest.mark.parametrize('kind', LOSSES)
def test_scores_that_are_not_square_need_positives(kind):
    with pytest.raises(ValueError, match=r'must be \(B, B\), .* got \(2, 3\)'):
        kind()(torch.zeros(2, 3))


@pytest.mark.golden
@pytest.mark.parametrize('case', ['train_a', 'train_b'])
def test_released_losses_equal_the_official_code(case):
    folder = os.environ.get('STGR_GOLDEN_DIR')
    if not folder:
        pytest.skip('STGR_GOLDEN_DIR is not set')
    with np.load(Path(folder) / 'official_heads_seed7.npz') as golden:
        assert case in json.loads(str(golden['meta']))['cases']
        arrays = {name: golden[f'{case}/{name}'].astype(np.float64) for name in GOLDEN}
    released = MILNCELoss(count_positives_twice=True)
    texts_by_videos = arrays['text_global'] @ arrays['video_global'].T
    global_loss = released(torch.from_numpy(texts_by_videos.T.copy())).item()
    local_loss = released(torch.from_numpy(arrays['pair_scores'])).item()
    assert global_loss == pytest.approx(arrays['nce_global'].item(), rel=1e-6)
    assert local_loss == pytest.approx(arrays['milnce_pairs'].item(), rel=1e-6)


GOLDEN = ('video_global', 'text_global', 'pair_scores', 'nce_global', 'milnce_pairs')


def test_a_batch_of_one_clip_is_told_and_teaches_nothing():
    scores = torch.tensor([[3.0]], requires_grad=True)
    with pytest.warns(UserWarning, match=r'batch of 1 clip .* teaches nothing; raise train_dat'):
        MMSLoss()(scores).backward()
    assert scores.grad.tolist() == [[0.0]]

    with warnings.catch_warnings():
        warnings.simplefilter('error')
        MMSLoss()(torch.zeros(2, 2))
