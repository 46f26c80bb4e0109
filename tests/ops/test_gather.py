"""Two gloo processes equal one, in loss and in gradient.

This file is also the program of the two processes: ``test_gather.py RANK FOLDER``.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from torch import nn

from stgr.models.losses import MILNCELoss, MMSLoss
from stgr.ops.gather import all_gather

WORLD = 2


class TwoTowers(nn.Module):
    """Embeds videos and texts, gathers, and returns the loss on all pairs."""

    def __init__(self):
        super().__init__()
        self.video, self.text = nn.Linear(5, 4), nn.Linear(3, 4)

    def forward(self, videos, texts):
        scores = all_gather(self.video(videos).tanh()) @ all_gather(self.text(texts).tanh()).T
        return MMSLoss()(scores) + MILNCELoss()(scores)


def towers_and_batch():
    torch.manual_seed(0)
    model = TwoTowers().double()
    return model, torch.randn(6, 5, dtype=torch.float64), torch.randn(6, 3, dtype=torch.float64)


def gradients(model):
    return {name: parameter.grad for name, parameter in model.named_parameters()}


def error_of_unequal_ranks(rank):
    try:
        all_gather(torch.zeros(3 + rank, 2))
    except ValueError as error:
        return str(error)
    return None


def run_rank(rank, folder):
    dist.init_process_group(
        'gloo', init_method=f'file://{folder}/meeting', rank=rank, world_size=WORLD
    )
    model, videos, texts = towers_and_batch()
    parallel = nn.parallel.DistributedDataParallel(model)
    own = slice(3 * rank, 3 * rank + 3)
    loss = parallel(videos[own], texts[own])
    loss.backward()
    found = {
        'loss': loss.detach(),
        'gradients': gradients(model),
        'mask': all_gather(torch.tensor([[rank == 0, True]])),
        'numbers': all_gather(torch.tensor([10 * rank, 1])),
        'error': error_of_unequal_ranks(rank),
        'still_usable': all_gather(torch.tensor([rank])),
    }
    torch.save(found, Path(folder) / f'rank{rank}.pt')
    dist.barrier()
    # On a busy machine torch's gloo threads now and then abort the interpreter while it shuts down
    # ("terminate called without an active exception"), also after destroy_process_group. All
    # results are on disk: skip the shutdown.
    os._exit(0)


@pytest.fixture(scope='module')
def ranks(tmp_path_factory):
    folder = tmp_path_factory.mktemp('gather')
    command = [sys.executable, __file__]
    environment = os.environ | {'PYTHONPATH': os.pathsep.join(sys.path), 'OMP_NUM_THREADS': '1'}
    running = [
        subprocess.Popen([*command, str(rank), str(folder)], env=environment)
        for rank in range(WORLD)
    ]
    try:
        assert [process.wait(timeout=240) for process in running] == [0] * WORLD
    finally:
        for process in running:
            process.kill()
    return [torch.load(folder / f'rank{rank}.pt', weights_only=True) for rank in range(WORLD)]


@pytest.mark.dist
def test_two_ranks_have_the_loss_and_gradients_of_one_process(ranks):
    model, videos, texts = towers_and_batch()
    loss = model(videos, texts)
    loss.backward()
    for found in ranks:
        torch.testing.assert_close(found['loss'], loss.detach(), atol=1e-12, rtol=0)
        torch.testing.assert_close(found['gradients'], gradients(model), atol=1e-12, rtol=0)


@pytest.mark.dist
def test_masks_and_numbers_are_joined_in_the_order_of_ranks(ranks):
    for found in ranks:
        assert found['mask'].tolist() == [[True, True], [False, True]]
        assert found['numbers'].tolist() == [0, 1, 10, 1]


@pytest.mark.dist
def test_unequal_shapes_are_an_error_on_every_rank_and_do_not_hang(ranks):
    for found in ranks:
        assert '(3, 2), (4, 2)' in found['error']
        assert found['still_usable'].tolist() == [0, 1]


def test_a_single_process_gets_its_own_values_back():
    values = torch.ones(2, 3, requires_grad=True)
    assert all_gather(values) is values


if __name__ == '__main__':
    run_rank(int(sys.argv[1]), sys.argv[2])
