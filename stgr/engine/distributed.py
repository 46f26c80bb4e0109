"""Starting and wrapping for several processes, with GPUs or without.

MMEngine's own start calls ``torch.cuda.set_device`` and its wrapper passes ``device_ids``; both
fail on a machine without a GPU, where gloo would do.
"""

import atexit
import datetime
import os
from collections.abc import Mapping
from typing import Any

import torch
import torch.distributed as dist
from mmengine.registry import MODEL_WRAPPERS as MMENGINE_MODEL_WRAPPERS
from torch.nn.parallel import DistributedDataParallel

from stgr.registry import MODEL_WRAPPERS

LAUNCHERS = ('none', 'pytorch', 'slurm', 'mpi')
# What torch calls a variable, and what the launcher calls it: the first one that is set counts.
_LAUNCHER_VARIABLES: dict[str, dict[str, tuple[str, ...]]] = {
    'slurm': {
        'RANK': ('SLURM_PROCID',),
        'WORLD_SIZE': ('SLURM_NTASKS',),
        'LOCAL_RANK': ('SLURM_LOCALID',),
        'MASTER_ADDR': ('SLURM_LAUNCH_NODE_IPADDR',),
    },
    'mpi': {  # Open MPI; MPICH and Intel MPI
        'RANK': ('OMPI_COMM_WORLD_RANK', 'PMI_RANK'),
        'WORLD_SIZE': ('OMPI_COMM_WORLD_SIZE', 'PMI_SIZE'),
        'LOCAL_RANK': ('OMPI_COMM_WORLD_LOCAL_RANK', 'MPI_LOCALRANKID'),
    },
}
_DEFAULTS = {'LOCAL_RANK': '0', 'MASTER_ADDR': '127.0.0.1', 'MASTER_PORT': '29500'}


def init_distributed(launcher: str, *, timeout_sec: float = 1800) -> None:
    """Join the process group that ``launcher`` prepared: NCCL with GPUs, gloo without.

    Does nothing for ``'none'`` or when the group exists already. MMEngine's Runner then skips its
    own initialisation.

    Args:
        launcher: 'none', 'pytorch' (torchrun), 'slurm' or 'mpi' (mpirun; on several machines
            MASTER_ADDR must name the first).
        timeout_sec: How long a collective waits for the other processes.

    Raises:
        ValueError: If the launcher is unknown, or its environment variables are not set.
    """
    if launcher not in LAUNCHERS:
        raise ValueError(f'launcher={launcher!r} is unknown; choose one of {", ".join(LAUNCHERS)}')
    if launcher == 'none' or dist.is_initialized():
        return
    _adopt_variables(launcher)
    _check_variables(launcher)
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ['LOCAL_RANK']))
    backend = 'nccl' if torch.cuda.is_available() else 'gloo'
    dist.init_process_group(backend, timeout=datetime.timedelta(seconds=timeout_sec))
    atexit.register(_leave_group)


def rank_and_world_size(launcher: str) -> tuple[int, int]:
    """Return which of how many processes this is, without joining a group.

    Also chooses the process's GPU, if there are any: the default one from then on.

    Args:
        launcher: 'none', 'pytorch' (torchrun), 'slurm' or 'mpi' (mpirun; on several machines
            MASTER_ADDR must name the first).

    Raises:
        ValueError: If the launcher is unknown, or its environment variables are not set.
    """
    if launcher not in LAUNCHERS:
        raise ValueError(f'launcher={launcher!r} is unknown; choose one of {", ".join(LAUNCHERS)}')
    if launcher == 'none':
        return 0, 1
    _adopt_variables(launcher)
    _check_variables(launcher)
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ['LOCAL_RANK']) % torch.cuda.device_count())
    return int(os.environ['RANK']), int(os.environ['WORLD_SIZE'])


def model_wrapper_config(given: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the config of the model's wrapper, without ``device_ids`` where no GPU is.

    Args:
        given: The config's own ``model_wrapper_cfg``; None for plain ``MMDistributedDataParallel``.

    Raises:
        ValueError: If its type is no registered wrapper.
    """
    wrapper = {'type': 'MMDistributedDataParallel', **(given or {})}
    wrapper['type'] = kind = _registered_name(wrapper['type'])
    if issubclass(MODEL_WRAPPERS.get(kind), DistributedDataParallel):
        wrapper.setdefault('find_unused_parameters', False)
        if not torch.cuda.is_available():
            wrapper['device_ids'] = None
    return wrapper


def _registered_name(kind: Any) -> str:
    """Return the name of a wrapper: MMEngine's Runner looks wrappers up by names only."""
    if isinstance(kind, str):
        return kind
    for registry in (MODEL_WRAPPERS, MMENGINE_MODEL_WRAPPERS):
        for name, registered in registry.module_dict.items():
            if registered is kind:
                return f'{registry.scope}.{name}'
    raise ValueError(f'model_wrapper_cfg.type must be a registered wrapper, but is {kind!r}')


def _leave_group() -> None:
    """Join gloo's threads: left to the interpreter's shutdown they now and then abort it."""
    if dist.is_initialized():
        dist.destroy_process_group()


def _adopt_variables(launcher: str) -> None:
    """Set torch's variables from the launcher's, where they are not set by hand."""
    if launcher not in _LAUNCHER_VARIABLES:
        return
    for name, theirs in _LAUNCHER_VARIABLES[launcher].items():
        found = [os.environ[each] for each in theirs if each in os.environ]
        if found:
            os.environ.setdefault(name, found[0])
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)


def _check_variables(launcher: str) -> None:
    missing = [n for n in ('RANK', 'WORLD_SIZE', 'LOCAL_RANK') if n not in os.environ]
    if missing:
        starters = {'pytorch': 'torchrun (tools/dist_train.sh)', 'slurm': 'srun', 'mpi': 'mpirun'}
        raise ValueError(
            f'launcher={launcher!r} needs {", ".join(missing)} in the environment; '
            f'start with {starters[launcher]}, or use --launcher none'
        )
