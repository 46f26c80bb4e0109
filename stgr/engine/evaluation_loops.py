"""Validation and test that go on where a data worker is killed."""

from collections.abc import Iterator
from typing import Any

from mmengine.runner import TestLoop, ValLoop

from stgr.engine.worker_batches import WorkerBatches
from stgr.registry import LOOPS


class _Evaluation:
    """Fetches the batches of a loop of MMEngine's; to be inherited before one.

    Where a data worker was killed or crashed, all workers are started anew, with a warning, and go
    on with the batch that is wanted.
    """

    runner: Any
    dataloader: Any

    def run(self) -> dict:
        """Evaluate and return the metrics.

        Raises:
            DataWorkerError: If data workers die of one batch again and again.
        """
        loader = self.dataloader
        with WorkerBatches(loader, 0) as batches:
            self.dataloader = _Fetched(loader, batches, self.runner.logger)
            try:
                metrics: dict = super().run()  # type: ignore[misc]
                return metrics
            finally:
                self.dataloader = loader


class _Fetched:
    """A loader whose batches come from somewhere else."""

    def __init__(self, loader: Any, batches: WorkerBatches, logger: Any) -> None:
        self._loader = loader
        self._batches = batches
        self._logger = logger

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def __len__(self) -> int:
        return len(self._loader)

    def __iter__(self) -> Iterator[Any]:
        total = len(self)
        for place in range(total):
            yield self._batches.fetch_again(
                place, where=f'batch {place} of {total}', warn=self._logger.warning
            )


@LOOPS.register_module()
class EvaluationValLoop(_Evaluation, ValLoop):
    """Validation: stands in for MMEngine's wherever a config names no other."""


@LOOPS.register_module()
class EvaluationTestLoop(_Evaluation, TestLoop):
    """Test: stands in for MMEngine's wherever a config names no other."""
