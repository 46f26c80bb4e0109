"""Random numbers that differ from epoch to epoch and come back the same after a resume.

MMEngine seeds its data workers with a constant, so without persistent workers every epoch sees the
same random clips; and its main process draws on from wherever it was, so a resumed run draws other
numbers than the uninterrupted one. Here they follow from (seed, epoch, rank), and those of the main
process from (seed, epoch, rank, batch), alone.
"""

import random
from typing import Any

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.registry import FUNCTIONS

from stgr.registry import HOOKS


def seed_everything(*entropy: int) -> None:
    """Seed ``random``, numpy and torch with one number derived from ``entropy``."""
    seed = int(np.random.SeedSequence(entropy).generate_state(1)[0])
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - libraries below us draw from the global generator
    torch.manual_seed(seed)


@FUNCTIONS.register_module()
def epoch_seed(worker_id: int) -> None:
    """Seed a data worker anew in each epoch: ``worker_init_fn=dict(type=epoch_seed)``.

    torch gives a worker the loader's base seed, drawn once an epoch, plus the worker's number; with
    :class:`EpochSeedHook` the base seed also tells ranks and epochs apart. Workers must not be
    persistent, or they are seeded once only.
    """
    seed_everything(torch.initial_seed())


@HOOKS.register_module()
class EpochSeedHook(Hook):
    """Seed the main process at the start of each epoch and before each of its batches.

    With it a run that was resumed draws what the uninterrupted run draws: dropout, random
    selectors, random transforms, and the base seed of the data workers.
    """

    priority = 'VERY_HIGH'

    def before_train_epoch(self, runner: Any) -> None:
        """Seed all generators of this process, and tell the data set which epoch begins."""
        self.before_train_pass(runner, runner.epoch)

    def before_train_pass(self, runner: Any, number: int) -> None:
        """Do so for a pass over the data; called by ``IterTrainLoop``."""
        seed_everything(runner.seed, number, get_rank())
        set_epoch = getattr(runner.train_dataloader.dataset, 'set_epoch', None)
        if set_epoch is not None:
            set_epoch(number)

    def before_train_fetch(self, runner: Any, batch_idx: int) -> None:
        """Seed for loading a batch and training on it; called by our loops."""
        seed_everything(runner.seed, runner.epoch, get_rank(), batch_idx)

    def before_train(self, runner: Any) -> None:
        """Warn where persistent workers keep a state that no checkpoint holds."""
        if getattr(runner.train_dataloader, 'persistent_workers', False):
            runner.logger.warning(
                'persistent_workers=True: random transforms are not the same after a resume; '
                'set it to False with worker_init_fn=dict(type=epoch_seed)'
            )
