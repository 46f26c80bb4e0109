"""Epochs that can be left and entered at any batch, and steps in chunks."""

from typing import Any

from mmengine.runner import EpochBasedTrainLoop

from stgr.engine.cached_gradients import cached_gradient_step
from stgr.engine.worker_batches import DataWorkerError, WorkerBatches, kill_workers
from stgr.registry import LOOPS

MAX_TRIES = 3  # for a batch: more than accident, few enough to end soon


@LOOPS.register_module()
class EpochTrainLoop(EpochBasedTrainLoop):
    """MMEngine's loop over epochs, which can go on in the middle of one.

    It stands in for MMEngine's wherever a config says ``by_epoch=True``. Batches that were trained
    on before a resume are passed over without being loaded: the sampler's order follows from seed
    and epoch, and our data sets draw from (seed, epoch, index), so the rest of the epoch is what it
    would have been. (A data set that draws from the global generators is exact too, if no workers
    load it.) The same holds where a data worker was killed or crashed: all workers are started
    anew, with a warning, and go on with the batch that is wanted.

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

    def run(self) -> Any:
        """Train; at the end persistent workers end at once, instead of after ten seconds each."""
        try:
            return super().run()
        finally:
            kill_workers(getattr(self.dataloader, '_iterator', None))

    def run_epoch(self) -> None:
        """Train on the batches of the epoch that are left.

        Hooks may have ``before_train_fetch(runner, batch_idx)``, called before a batch is loaded.

        Raises:
            DataWorkerError: If data workers die of one batch again and again.
        """
        self.runner.call_hook('before_train_epoch')
        self.runner.model.train()
        with WorkerBatches(self.dataloader, self.batches_done) as batches:
            for batch_idx in range(self.batches_done, len(self.dataloader)):
                self.run_iter(batch_idx, self._fetch(batches, batch_idx))
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

    def _fetch(self, batches: WorkerBatches, batch_idx: int) -> Any:
        """Return a batch, from new workers if one was killed."""
        for attempt in range(MAX_TRIES):
            if attempt:
                batches.restart(batch_idx)
            self.runner.call_hook('before_train_fetch', batch_idx=batch_idx)
            try:
                return batches.fetch()
            except DataWorkerError as error:
                last = error
            place = f'epoch {self.epoch + 1}, batch {batch_idx} of {len(self.dataloader)}'
            tries = f'try {attempt + 1} of {MAX_TRIES}'  # told apart: MMEngine says nothing twice
            self.runner.logger.warning(f'{place}, {tries}: {last}; all workers are started anew')
        raise DataWorkerError(
            f'{place}: {MAX_TRIES} times in a row {last}; then --resume the last checkpoint in '
            f'{self.runner.work_dir}'
        ) from last
