"""Two gloo processes find what one finds with the whole batch: losses, gradients, frames, scores.

All cases run in one pair of processes, which is started once; see ``ranks.py``.
"""

import inspect

import pytest
import torch
import torch.nn.functional as F
from contracts.test_selectors_contract import VARIANTS
from mmengine.evaluator import BaseMetric
from two_ranks.grounders import GLOBAL_HEADS, LOCAL_HEADS
from two_ranks.losses import settings
from two_ranks.metrics import SAMPLES
from two_ranks.ranks import cases
from two_ranks.sharded import HALF

from stgr.engine.fully_sharded_model import torch_shards_rightly
from stgr.evaluation import metrics
from stgr.models import grounders, heads, losses, selectors
from stgr.models.grounders import SpatioTemporalGrounder
from stgr.models.heads import GlobalHead, LocalHead
from stgr.models.losses import ScoreLoss
from stgr.models.selectors import BaseSelector

pytestmark = [pytest.mark.dist, pytest.mark.timeout(600)]  # the first test waits for all cases
_needs_shards = pytest.mark.skipif(not torch_shards_rightly(), reason='torch is too old to shard')
HALVED = [f'sharded: {name}' for name in HALF]
UNLIKE_ONE = ['gather: unequal', 'gather: padded']
EQUAL = [name for name in cases() if name not in {*HALVED, *UNLIKE_ONE}]
SCORES = [name for name in EQUAL if name.startswith('metrics')]


@pytest.mark.parametrize('name', [name for name in EQUAL if name not in SCORES])
def test_two_ranks_find_what_one_finds_with_the_whole_batch(name, two_ranks, alone):
    expected = alone(name)

    for found in two_ranks(name):
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize('name', SCORES)
def test_two_ranks_score_as_one_on_every_rank(name, two_ranks, alone):
    expected = alone(name)

    for found in two_ranks(name):
        assert found == pytest.approx(expected, abs=1e-12, nan_ok=True)


@_needs_shards
@pytest.mark.parametrize('name', HALVED)
def test_sharded_half_precision_is_near_the_step_of_one_process(name, two_ranks, alone):
    expected = alone('sharded: plain')

    for found in two_ranks(name):
        for key in ('loss_global, step 0', 'loss_local, step 0'):
            assert found['log'][key].item() == pytest.approx(expected['log'][key].item(), rel=0.02)
        for key, exact in expected['gradients'].items():
            half = found['gradients'][key]
            assert half.dtype == torch.float32
            if exact.norm() > 1e-3:  # others are rounding errors: biases before a softmax
                assert F.cosine_similarity(half.flatten(), exact.flatten(), 0) > 0.98, key
        assert found['norms'][0] == pytest.approx(expected['norms'][0], rel=0.02)


@_needs_shards
def test_run_that_changed_its_number_of_ranks_ends_with_the_same_weights(two_ranks, alone):
    expected = alone('sharded_runs: uninterrupted')

    for found in (alone('sharded_runs: resumed'), *two_ranks('sharded_runs: resumed')):
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_run_that_changed_its_number_of_ranks_in_an_epoch_sees_every_clip_once(two_ranks, alone):
    """The rest of the epoch, the next one, and all weights and moments are as if it had not."""
    expected = alone('resumed_runs: uninterrupted')
    assert sorted(expected['clips'][:2].flatten().tolist()) == list(range(8))
    expected['clips'] = expected['clips'][1:]

    for found in (
        alone('resumed_runs: resumed in the middle'),
        *two_ranks('resumed_runs: resumed in the middle'),
    ):
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def test_texts_of_unequal_length_are_padded_and_joined_in_the_order_of_ranks(two_ranks):
    for found in two_ranks('gather: padded'):
        assert found.tolist() == [[1, 2, -1], [3, 4, 5]]


def test_unequal_shapes_are_an_error_on_every_rank_and_do_not_hang(two_ranks):
    for found in two_ranks('gather: unequal'):
        assert '(3, 2), (4, 2)' in found['error']
        assert found['still_usable'].tolist() == [0, 1]


@_needs_shards
def test_an_infinite_gradient_in_one_shard_stops_the_step_everywhere(two_ranks):
    for found in two_ranks('sharded: overflow'):
        assert (found['moved'] == 0).all()
        assert found['scale'] == 128.0


def _exported(folder, base):
    """Return the concrete kinds that a folder of parts exports."""
    found = (getattr(folder, name) for name in folder.__all__)
    kinds = [kind for kind in found if isinstance(kind, type) and issubclass(kind, base)]
    return {kind.__name__ for kind in kinds if not inspect.isabstract(kind)} - {base.__name__}


@pytest.mark.parametrize(
    ('folder', 'base', 'covered'),
    [
        (losses, ScoreLoss, {loss['type'] for loss in settings()}),
        (selectors, BaseSelector, {name for name, _ in VARIANTS}),
        (heads, LocalHead, {*LOCAL_HEADS, 'CrossSelfCrossHead'}),
        (
            heads,
            GlobalHead,
            {head['type'] for head in GLOBAL_HEADS.values()} - {'GlobalHead'}
            | {'MILNCEGlobalHead'},
        ),
        (grounders, SpatioTemporalGrounder, {'AudioVisualTextGrounder'}),
        (metrics, BaseMetric, set(SAMPLES)),
    ],
    ids=['losses', 'selectors', 'local heads', 'global heads', 'grounders', 'metrics'],
)
def test_every_part_that_looks_across_a_batch_is_a_case(folder, base, covered):
    assert _exported(folder, base) == covered


def test_every_loss_is_a_case_with_the_negatives_of_all_and_with_those_of_a_process():
    names = set(cases())

    for loss in map(str, settings()):
        assert {
            f'losses: {loss}',
            f'grounders: {loss}',
            f'grounders: own negatives, {loss}',
        } <= names
