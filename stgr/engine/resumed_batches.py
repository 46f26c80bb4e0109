"""What a checkpoint says about the batches it has seen, so that none is skipped or taken twice."""

from collections.abc import Mapping
from typing import Any

from mmengine.dist import get_world_size

from stgr.engine.epoch_train_loop import EpochTrainLoop
from stgr.engine.train_steps import TrainSteps


def batches_meta(loop: TrainSteps, *, at_epoch_end: bool) -> dict[str, Any]:
    """Return what a checkpoint is to say.

    Args:
        loop: What trains.
        at_epoch_end: Whether it is saved after an epoch, not in one.
    """
    over = at_epoch_end and isinstance(loop, EpochTrainLoop)
    return {
        'epoch_batches': [0 if over else loop.batches_done, len(loop.dataloader)],
        'epoch_clips': [_clips_per_step(loop), len(loop.dataloader.dataset)],
    }


def go_on_after(meta: Mapping[str, Any], loop: TrainSteps, *, source: str) -> None:
    """Let a loop go on after the batches of a checkpoint.

    In the middle of the data the batches must be the same, whatever the number of processes: after
    ``n`` of them, the next is the ``n``-th of the same order. After an epoch they may be others;
    then schedules that count iterations go another way, which is said.

    Args:
        meta: The checkpoint's.
        loop: What will train.
        source: Where the checkpoint comes from, for messages.

    Raises:
        ValueError: If the checkpoint is of the middle, and of other batches.
    """
    done, per_epoch = meta.get('epoch_batches', (0, 0))
    here = [_clips_per_step(loop), len(loop.dataloader.dataset)]
    there = meta.get('epoch_clips', here)  # older checkpoints do not say
    if done and (per_epoch != len(loop.dataloader) or there != here):
        raise ValueError(
            f'{source} was saved after {done} of the {per_epoch} batches of an epoch, of '
            f'{there[0]} of {there[1]} clips, which here has {len(loop.dataloader)}, of {here[0]} '
            f'of {here[1]} clips; resume with the same data and as many clips in all processes '
            'together, or from the end of an epoch'
        )
    if there != here:
        loop.runner.logger.warning(
            f'{source} was trained with {there[0]} clips a step, of {there[1]}, and goes on with '
            f'{here[0]} of {here[1]}: what counts iterations (schedules by_epoch=False, averaged '
            'weights) counts other steps from here on'
        )
    loop.batches_done = done


def _clips_per_step(loop: TrainSteps) -> int:
    """Return how many clips all processes take together; 0 if a batch sampler keeps it secret."""
    batches = getattr(loop.dataloader, 'batch_sampler', None)
    return (getattr(batches, 'batch_size', None) or 0) * get_world_size()
