"""A given number of iterations that can be left and entered at any of them, in chunks too."""

import math
from typing import Any

from mmengine.dataset import InfiniteSampler
from mmengine.runner import BaseLoop, IterBasedTrainLoop
from mmengine.runner.utils import calc_dynamic_intervals
from torch.utils.data import DataLoader

from stgr.engine.train_steps import TrainSteps
from stgr.engine.worker_batches import WorkerBatches, kill_workers
from stgr.registry import LOOPS


@LOOPS.register_module()
class IterTrainLoop(TrainSteps, IterBasedTrainLoop):
    """MMEngine's loop over iterations, which goes on exactly at any of them.

    It stands in for MMEngine's wherever a config says ``by_epoch=False``. MMEngine loads the
    batches of before a resume again, draws other random numbers after it, and shows the data set
    one epoch only, so that each pass has the same random clips. Here each pass over the data is an
    epoch for sampler and data set, random numbers follow from the seed and the iteration, and the
    batches of before are passed over without being loaded.

    Args:
        runner: What trains.
        dataloader: A loader, or its config.
        max_iters: Iterations in all.
        val_begin: First iteration that may be followed by a validation.
        val_interval: Iterations between validations; one also follows the last.
        dynamic_intervals: Pairs (iteration, interval from there on), see MMEngine.
        chunk_clips: Clips at a time in a step, see ``cached_gradient_step``. None: all.

    Attributes:
        batches_done: Batches that were trained on.

    Raises:
        ValueError: If ``chunk_clips`` is below 1 or the loader has no batch.
    """

    def __init__(
        self,
        runner: Any,
        dataloader: DataLoader | dict,
        max_iters: int,
        *,
        val_begin: int = 1,
        val_interval: int = 1000,
        dynamic_intervals: list[tuple[int, int]] | None = None,
        chunk_clips: int | None = None,
    ) -> None:
        # Not MMEngine's own start, which makes the workers load before there are seeds.
        BaseLoop.__init__(self, runner, dataloader)
        self.start_with(chunk_clips)
        self._max_iters = max_iters
        self._max_epochs = 1
        self._epoch = self._iter = 0
        self.val_begin = val_begin
        self.val_interval = val_interval
        self.stop_training = False
        intervals = calc_dynamic_intervals(val_interval, dynamic_intervals)
        self.dynamic_milestones, self.dynamic_intervals = intervals
        if len(self.dataloader) == 0:
            raise ValueError(
                f'the {len(self.dataloader.dataset)} clips are fewer than a batch, and drop_last '
                'is set; lower batch_size'
            )

    def run(self) -> Any:
        """Train; return the model."""
        self.runner.call_hook('before_train')
        self.runner.call_hook('before_train_epoch')  # hooks take all iterations for one epoch
        number, skipped = 0, self._iter
        if not self._endless:
            number, skipped = divmod(self._iter, len(self.dataloader))
        try:
            while self._goes_on():
                self._run_pass(number, skipped)
                number, skipped = number + 1, 0
        finally:
            kill_workers(getattr(self.dataloader, '_iterator', None))
        self.runner.call_hook('after_train_epoch')
        self.runner.call_hook('after_train')
        return self.runner.model

    @property
    def _endless(self) -> bool:
        """Whether one pass over the data goes on for ever."""
        return isinstance(self.dataloader.sampler, InfiniteSampler)

    def _goes_on(self) -> bool:
        return self._iter < self._max_iters and not self.stop_training

    def _run_pass(self, number: int, skipped: int) -> None:
        """Train on a pass over the data but its first batches.

        Hooks may have ``before_train_pass(runner, number)``, called before it.

        Raises:
            DataWorkerError: If data workers die of one batch again and again.
        """
        self.runner.call_hook('before_train_pass', number=number)
        if hasattr(self.dataloader.sampler, 'set_epoch'):
            self.dataloader.sampler.set_epoch(number)
        end = math.inf if self._endless else len(self.dataloader)
        with WorkerBatches(self.dataloader, skipped) as batches:
            place = skipped
            while place < end and self._goes_on():
                self.runner.model.train()
                self.load_and_train(self._iter, batches, place)
                place += 1
                self._decide_current_val_interval()
                if self._validation_is_due():
                    self.runner.val_loop.run()

    def _validation_is_due(self) -> bool:
        due = self._iter % self.val_interval == 0 or self._iter == self._max_iters
        return self.runner.val_loop is not None and self._iter >= self.val_begin and due
