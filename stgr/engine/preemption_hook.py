"""A run that is told to end writes a checkpoint first, and can be queued again."""

import functools
import signal
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import all_reduce, barrier, is_main_process
from mmengine.hooks import Hook
from torch.utils.data import DataLoader

from stgr.engine.last_checkpoint import point_to
from stgr.registry import HOOKS

PREEMPTED_STATUS = 75  # EX_TEMPFAIL of sysexits.h: try again later
PREEMPTED_NAME = 'preempted.pth'
WORKER_GRACE_SEC = 60


class Preempted(SystemExit):
    """Ends the process with status 75, which tells a script to queue the job again."""

    def __init__(self, checkpoint: Path, signal_name: str) -> None:
        super().__init__(PREEMPTED_STATUS)
        self.checkpoint = checkpoint
        self.signal_name = signal_name


@HOOKS.register_module()
class PreemptionHook(Hook):
    """On SIGTERM or SIGUSR1 finish the iteration, save ``preempted.pth``, and exit with status 75.

    ``--resume`` then goes on with the next batch, exactly as if nothing had happened. SIGTERM is
    what clusters send before they take a machine away; SIGUSR1 what Slurm can be told to send
    before the time is up (``--signal=USR1@300``). A signal to one process stops all of them after
    the same iteration. During a validation, the signal takes effect in the iteration after it; a
    process that is killed before has the checkpoint of the epoch.

    The hook runs in the main thread only; elsewhere signals cannot be caught.

    Args:
        signals: Names of the signals to heed.

    Raises:
        ValueError: If a name is no signal.
    """

    priority = 100  # after all others, whose state is to be in the checkpoint

    def __init__(self, signals: Sequence[str] = ('SIGTERM', 'SIGUSR1')) -> None:
        for name in signals:
            if name not in signal.Signals.__members__:
                raise ValueError(f'{name!r} is no signal; expected names such as SIGTERM')
        self._signals = [signal.Signals[name] for name in signals]
        self._handlers: dict[signal.Signals, Any] = {}
        self._received: signal.Signals | None = None

    def before_train(self, runner: Any) -> None:
        """Listen, and teach workers not to die of the same signal, which reaches them too."""
        if threading.current_thread() is not threading.main_thread():
            runner.logger.warning('training outside of the main thread: no signal stops it cleanly')
            return
        for number in self._signals:
            self._handlers[number] = signal.signal(number, self._take_note)
        for loop in (runner.train_loop, runner.val_loop):
            if loop is not None and loop.dataloader.num_workers > 0:
                _teach_workers(loop.dataloader, self._signals)

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Stop if any process was told to; all of them ask, in every iteration.

        Raises:
            Preempted: When the checkpoint is written.
        """
        told = torch.tensor(0 if self._received is None else int(self._received))
        all_reduce(told, op='max')
        if int(told) == 0:
            return
        name = signal.Signals(int(told)).name
        target = Path(runner.work_dir) / PREEMPTED_NAME
        runner.logger.info(f'{name}: saving {target} after iteration {runner.iter + 1}')
        runner.save_checkpoint(str(target.parent), target.name, by_epoch=False)
        if is_main_process():
            point_to(str(target), runner.work_dir)
        barrier()  # a rank that exits may make the launcher end the one that writes
        runner.logger.info(f'{name}: --resume goes on from here; exit status {PREEMPTED_STATUS}')
        raise Preempted(target, name)

    def on_train_exit(self, runner: Any) -> None:
        """Give the signals their former meaning back, however training ended."""
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers.clear()
        self._received = None

    def _take_note(self, number: int, frame: object) -> None:
        self._received = signal.Signals(number)


def _teach_workers(loader: DataLoader, signals: Sequence[signal.Signals]) -> None:
    loader.worker_init_fn = functools.partial(_outlive, loader.worker_init_fn, tuple(signals))


def _outlive(
    init: Callable[[int], object] | None, signals: Sequence[signal.Signals], worker_id: int
) -> None:
    """Start a worker that goes on for a minute when told to end: batches are still wanted.

    Clusters signal every process of a job, and the loss of a worker would break off the iteration.
    The training process ends its workers in another way.
    """
    for number in signals:
        signal.signal(number, _end_later)
    if init is not None:
        init(worker_id)


def _end_later(number: int, frame: object) -> None:
    if signal.getitimer(signal.ITIMER_REAL)[0] == 0:  # further signals do not put it off
        signal.alarm(WORKER_GRACE_SEC)
