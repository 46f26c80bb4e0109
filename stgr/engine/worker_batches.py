"""Batches of a loader whose worker processes may be killed by the system.

A worker that takes too much memory is killed, one that decodes a damaged video may crash. torch
then ends the training, wherever it is: its handler of SIGCHLD raises, also half-way through an
optimizer step. Here the death is told when a batch is fetched, and never within a step.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from multiprocessing.connection import wait
from types import TracebackType
from typing import Any, Self

import torch
from torch.utils.data import DataLoader
from torch.utils.data._utils import signal_handling

MAX_TRIES = 3  # for a batch: more than accident, few enough to end soon
_HINTS = {
    signal.SIGKILL: 'the system kills what takes too much memory: lower num_workers or '
    'prefetch_factor',
    signal.SIGBUS: 'the shared memory may be full (/dev/shm, --shm-size of a container): lower '
    'num_workers or prefetch_factor',
}
_CRASH_HINT = "a damaged video may crash its decoder: reader='isolated' leaves such videos out"
_TORCH_SAYS = 'DataLoader worker (pid'


class DataWorkerError(OSError):
    """A process that loads batches was killed or crashed."""


class WorkerBatches:
    """The batches of an epoch from one on, from workers that can be started again.

    Use it as a context: at its end the workers end, and SIGCHLD means what it meant.

    Args:
        loader: Loads them; its sampler gives the same batches each time it is asked.
        first: How many batches are passed over, without being loaded.
    """

    def __init__(self, loader: DataLoader, first: int) -> None:
        self._loader = loader
        self._first = first
        self._batches: Any = None
        self._fetching = False
        self._handler: Any = None
        self._deferred = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, Exception):
            self._kill_workers()  # the traceback holds them: they would outlive the run
        if self._deferred:
            signal.signal(signal.SIGCHLD, self._handler)
        del self._batches  # ends the workers, which put off signals (see PreemptionHook)

    def fetch(self) -> Any:
        """Return the next batch.

        Raises:
            DataWorkerError: If a worker was killed; ``restart`` starts new ones.
        """
        if self._batches is None:
            self._start()
        self._fetching = True
        try:
            self._check_workers()  # of deaths since the last batch there is no signal any more
            return next(self._batches)
        except Exception as error:
            if isinstance(error, ConnectionError | EOFError):  # its pipe breaks before it is gone
                self._wait_for_a_death()
            self._check_workers()
            told = told_worker_death(error)
            if told is not None:
                raise DataWorkerError(told) from error
            raise
        finally:
            self._fetching = False

    def fetch_again(
        self,
        place: int,
        *,
        where: str,
        warn: Callable[[str], object],
        before: Callable[[], object] = lambda: None,
    ) -> Any:
        """Return the next batch, from new workers if one was killed.

        Args:
            place: Its number among the loader's batches.
            where: Said in warnings before it.
            warn: Told what happened.
            before: Called before each try.

        Raises:
            DataWorkerError: If workers die of it again and again.
        """
        for attempt in range(MAX_TRIES):
            if attempt:
                self.restart(place)
            before()
            try:
                return self.fetch()
            except DataWorkerError as error:
                last = error
            tries = f'try {attempt + 1} of {MAX_TRIES}'  # told apart: MMEngine says nothing twice
            warn(f'{where}, {tries}: {last}; all workers are started anew')
        raise DataWorkerError(f'{where}: {MAX_TRIES} times in a row {last}') from last

    def restart(self, first: int) -> None:
        """End all workers; the next batch comes from new ones, which begin with batch ``first``."""
        self._kill_workers()
        if self._loader.persistent_workers:
            self._loader._iterator = None  # the next epoch starts new ones too
        self._first, self._batches = first, None

    def _start(self) -> None:
        first, loader = self._first, self._loader
        if loader.num_workers and _in_main_thread() and not self._deferred:
            # torch sets its handler when its first workers start, and one may die before the last.
            signal_handling._set_SIGCHLD_handler()
            self._handler = signal.getsignal(signal.SIGCHLD)
            self._deferred = callable(self._handler)
            if self._deferred:
                signal.signal(signal.SIGCHLD, self._child_ended)
        with torch.random.fork_rng(devices=[]):  # whenever workers start, a step draws the same
            self._batches = iter(loader if first == 0 else _without_first(loader, first))

    def _wait_for_a_death(self) -> None:
        workers = {w.sentinel: w for w in getattr(self._batches, '_workers', ())}
        for sentinel in wait(list(workers), timeout=5) if workers else ():
            workers[sentinel].join(timeout=5)  # its end is seen a little before its exit code

    def _kill_workers(self) -> None:
        kill_workers(self._batches)

    def _check_workers(self) -> None:
        codes = [worker.exitcode for worker in getattr(self._batches, '_workers', ())]
        signals = [abs(code) for code in codes if code]
        if signals:
            raise DataWorkerError(worker_death(signals))

    def _child_ended(self, number: int, frame: Any) -> None:
        """Let torch raise while a batch is fetched; a later fetch finds what happened before."""
        if self._fetching:
            self._handler(number, frame)


def kill_workers(batches: Any) -> None:
    """End the workers of an iterator of a loader at once; there may be none."""
    workers = getattr(batches, '_workers', ())
    if not workers:
        return
    # torch's handler would take their end for an accident.
    handler = signal.getsignal(signal.SIGCHLD) if _in_main_thread() else None
    if callable(handler):
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
    try:
        for worker in workers:
            worker.kill()  # it may wait for a lock that a dead one holds, and puts off signals
        batches._shutdown_workers()
    finally:
        if callable(handler):
            signal.signal(signal.SIGCHLD, handler)


def worker_death(signals: list[int]) -> str:
    """Return what to say of workers that were ended by signals: cause and remedy."""
    names = ', '.join(dict.fromkeys(_name(number) for number in signals))
    hint = next((_HINTS[n] for n in signals if n in _HINTS), _CRASH_HINT)  # type: ignore[index]
    return f'a data worker was killed ({names}); {hint}'


def told_worker_death(error: BaseException) -> str | None:
    """Return what to say of torch's own error about a dead worker, None if it is another one."""
    text = f'{error} {error.__cause__ or ""}'
    if _TORCH_SAYS not in text:
        return None
    killed = [int(s) for s in signal.Signals if f'signal: {signal.strsignal(s)}' in text]
    return worker_death(killed) if killed else f'{error}; {_CRASH_HINT}'


def _name(number: int) -> str:
    known = {int(s): s.name for s in signal.Signals}
    return known.get(number, f'status {number}')


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


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
