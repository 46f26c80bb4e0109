"""What our two training loops share: steps in chunks, and going on at any batch."""

from collections.abc import Iterator
from typing import Any

from torch.utils.data import DataLoader

from stgr.engine.cached_gradients import cached_gradient_step


class TrainSteps:
    """Take the steps of a loop, and know how many of its batches are done.

    To be inherited before a loop of MMEngine's.

    Attributes:
        chunk_clips: Clips at a time in a step, None for all.
        batches_done: Batches that were trained on, of this epoch or, without epochs, of all.
    """

    runner: Any
    dataloader: Any  # a DataLoader
    _iter: int

    def start_with(self, chunk_clips: int | None) -> None:
        """Set the attributes.

        Raises:
            ValueError: If ``chunk_clips`` is below 1.
        """
        if chunk_clips is not None and chunk_clips < 1:
            raise ValueError(f'chunk_clips must be >= 1, but got {chunk_clips}')
        self.chunk_clips = chunk_clips
        self.batches_done = 0

    def load_and_train(self, batch_idx: int, batches: Iterator[Any]) -> None:
        """Train on the next batch.

        Hooks may have ``before_train_fetch(runner, batch_idx)``, called before it is loaded.
        """
        self.runner.call_hook('before_train_fetch', batch_idx=batch_idx)
        self.run_iter(batch_idx, next(batches))

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


def batches_after(loader: DataLoader, skipped: int) -> Iterator[Any]:
    """Return an iterator over the batches of a loader but the first, which are not loaded."""
    return iter(loader if skipped == 0 else _without_first(loader, skipped))


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
