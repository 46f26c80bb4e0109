"""Epochs that can be left and entered at any batch, and steps in chunks."""

from collections.abc import Iterator
from typing import Any

from mmengine.runner import EpochBasedTrainLoop
from torch.utils.data import DataLoader

from stgr.engine.cached_gradients import cached_gradient_step
from stgr.registry import LOOPS


@LOOPS.register_module()
class EpochTrainLoop(EpochBasedTrainLoop):
    """MMEngine's loop over epochs, which can go on in the middle of one.

    It stands in for MMEngine's wherever a config says ``by_epoch=True``. Batches that were trained
    on before a resume are passed over without being loaded: the sampler's order follows from seed
    and epoch, and our data sets draw from (seed, epoch, index), so the rest of the epoch is what it
    would have been. (A data set that draws from the global generators is exact too, if no workers
    load it.)

    Args:
        chunk_clips: Clips at a time in a step, see ``cached_gradient_step``. None: all.
        **settings: Those of ``EpochBasedTrainLoop``.

    Attributes:
        batches_done: Batches of this epoch that were trained on.

    Raises:
        ValueError: If ``chunk_clips`` is below 1.
    """

    def __init__(self, *args: Any, chunk_clips: int | None = None, **settings: Any) -> None:
        if chunk_clips is not None and chunk_clips < 1:
            raise ValueError(f'chunk_clips must be >= 1, but got {chunk_clips}')
        super().__init__(*args, **settings)
        self.chunk_clips = chunk_clips
        self.batches_done = 0

    def run_epoch(self) -> None:
        """Train on the batches of the epoch that are left.

        Hooks may have ``before_train_fetch(runner, batch_idx)``, called before a batch is loaded.
        """
        self.runner.call_hook('before_train_epoch')
        self.runner.model.train()
        batches = self._batches_left()
        try:
            for batch_idx in range(self.batches_done, len(self.dataloader)):
                self.runner.call_hook('before_train_fetch', batch_idx=batch_idx)
                self.run_iter(batch_idx, next(batches))
        finally:
            del batches  # ends its workers, which put off signals (see PreemptionHook)
        self.runner.call_hook('after_train_epoch')
        self._epoch += 1
        self.batches_done = 0

    def run_iter(self, idx: int, data_batch: Any) -> None:
        """Train on one batch."""
        runner = self.runner
        runner.call_hook('before_train_iter', batch_idx=idx, data_batch=data_batch)
        if self.chunk_clips is None:
            outputs = runner.model.train_step(data_batch, optim_wrapper=runner.optim_wrapper)
        else:
            outputs = cached_gradient_step(
                runner.model, data_batch, runner.optim_wrapper, chunk_clips=self.chunk_clips
            )
        self.batches_done = idx + 1
        runner.call_hook('after_train_iter', batch_idx=idx, data_batch=data_batch, outputs=outputs)
        self._iter += 1

    def _batches_left(self) -> Iterator[Any]:
        if self.batches_done == 0:
            return iter(self.dataloader)
        return iter(_without_first(self.dataloader, self.batches_done))


class _Rest:
    """A batch sampler without its first batches."""

    def __init__(self, batches: Any, skipped: int) -> None:
        self._batches = batches
        self._skipped = skipped

    def __iter__(self) -> Iterator[list[int]]:
        batches = iter(self._batches)
        for _ in range(self._skipped):
            next(batches)
        return batches

    def __len__(self) -> int:
        return len(self._batches) - self._skipped


def _without_first(loader: DataLoader, skipped: int) -> DataLoader:
    """Return a loader of the same batches but the first, which are not loaded."""
    return DataLoader(
        loader.dataset,
        batch_sampler=_Rest(loader.batch_sampler, skipped),
        num_workers=loader.num_workers,
        collate_fn=loader.collate_fn,
        pin_memory=loader.pin_memory,
        timeout=loader.timeout,
        worker_init_fn=loader.worker_init_fn,
        multiprocessing_context=loader.multiprocessing_context,
        generator=loader.generator,
        prefetch_factor=loader.prefetch_factor,
    )
