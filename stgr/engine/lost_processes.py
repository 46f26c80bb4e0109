"""One line instead of a traceback where another process of a job, or a data worker, is gone."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch.distributed as dist

from stgr.engine.last_checkpoint import POINTER_NAME
from stgr.engine.worker_batches import DataWorkerError, told_worker_death

_GLOO_SAYS = ('Connection reset by peer', 'Connection closed by peer', 'Timed out waiting', 'gloo')


class LostProcessError(ConnectionError):
    """Another process of the job was killed, failed, or does not answer."""


@contextmanager
def losses_named(work_dir: str | Path) -> Iterator[None]:
    """Say what happened and what to do if the block fails because a process is gone.

    Args:
        work_dir: Folder of the run, whose last checkpoint is named.

    Raises:
        LostProcessError: If another process of the job ended, or did not answer in time.
        DataWorkerError: If a data worker was killed.
    """
    try:
        yield
    except RuntimeError as error:
        death = told_worker_death(error)
        if death is not None:
            raise DataWorkerError(death) from error
        if not _is_lost_process(error):
            raise
        raise LostProcessError(_lost(error, Path(work_dir))) from error


def _is_lost_process(error: RuntimeError) -> bool:
    if not dist.is_initialized():
        return False
    return isinstance(error, dist.DistError) or any(word in str(error) for word in _GLOO_SAYS)


def _lost(error: RuntimeError, work_dir: Path) -> str:
    late = 'imed out' in str(error) or 'imeout' in str(error)
    what = 'does not answer' if late else 'has ended'
    pointer = work_dir / POINTER_NAME
    last = f' ({Path(pointer.read_text().strip()).name})' if pointer.is_file() else ''
    return (
        f'process {dist.get_rank()} of {dist.get_world_size()} stops, as another one {what}: its '
        'own message says why; without one it was killed, as the system does where memory runs '
        'out, or its machine is gone; --resume goes on from the last checkpoint in '
        f'{work_dir}{last}'
    )
