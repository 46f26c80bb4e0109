"""What our two training loops share: steps in chunks, and going on at any batch."""

from typing import Any

from stgr.engine.cached_gradients import cached_gradient_step
from stgr.engine.worker_batches import DataWorkerError, WorkerBatches


class TrainSteps:
    """Take the steps of a loop, and know how many of its batches are done.

    To be inherited before a loop of MMEngine's.

    Attributes:
        chunk_clips: Clips at a time in a step, None for all.
        batches_done: Batches that were trained on, of this epoch or, without epochs, of all.
    """

    runner: Any
    dataloader: Any  # a DataLoader
    epoch: int
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

    def load_and_train(self, batch_idx: int, batches: WorkerBatches, place: int) -> None:
        """Train on the next batch.

        Hooks may have ``before_train_fetch(runner, batch_idx)``, called before it is loaded.

        Args:
            batch_idx: Its number among those of the loop.
            batches: Loads it.
            place: Its number among those that the sampler gives in this pass over the data.

        Raises:
            DataWorkerError: If data workers die of it again and again.
        """
        self.run_iter(batch_idx, self._fetch(batch_idx, batches, place))

    def _fetch(self, batch_idx: int, batches: WorkerBatches, place: int) -> Any:
        """Return a batch, from new workers if one was killed."""
        try:
            return batches.fetch_again(
                place,
                where=f'epoch {self.epoch + 1}, batch {place} of {len(self.dataloader)}',
                warn=self.runner.logger.warning,
                before=lambda: self.runner.call_hook('before_train_fetch', batch_idx=batch_idx),
            )
        except DataWorkerError as error:
            raise DataWorkerError(
                f'{error}; then --resume the last checkpoint in {self.runner.work_dir}'
            ) from error

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
