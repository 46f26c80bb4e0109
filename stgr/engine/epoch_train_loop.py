"""Epochs that can be left and entered at any batch, and steps in chunks."""

from typing import Any

from mmengine.runner import EpochBasedTrainLoop

from stgr.engine.train_steps import TrainSteps
from stgr.engine.worker_batches import WorkerBatches, kill_workers
from stgr.registry import LOOPS


@LOOPS.register_module()
class EpochTrainLoop(TrainSteps, EpochBasedTrainLoop):
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
        super().__init__(*args, **settings)
        self.start_with(chunk_clips)

    def run(self) -> Any:
        """Train; at the end persistent workers end at once, instead of after ten seconds each."""
        try:
            return super().run()
        finally:
            kill_workers(getattr(self.dataloader, '_iterator', None))

    def run_epoch(self) -> None:
        """Train on the batches of the epoch that are left.

        Raises:
            DataWorkerError: If data workers die of one batch again and again.
        """
        self.runner.call_hook('before_train_epoch')
        self.runner.model.train()
        with WorkerBatches(self.dataloader, self.batches_done) as batches:
            for batch_idx in range(self.batches_done, len(self.dataloader)):
                self.load_and_train(batch_idx, batches, batch_idx)
        self.runner.call_hook('after_train_epoch')
        self._epoch += 1
        self.batches_done = 0
