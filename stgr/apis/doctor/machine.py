"""The machine: devices, processors, shared memory, open files, clock."""

import os
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from stgr.apis.doctor.finding import OK, WARNING, Finding

RELEASED = datetime(2026, 11, 1, tzinfo=UTC)  # moved with each release
GIB = 2**30
_LEAST_SHARED_BYTES = GIB  # Docker gives 64 MiB; a worker's batch of frames is larger
_LEAST_OPEN_FILES = 1024


def check_devices() -> Iterator[Finding]:
    """Yield a finding for each device that can compute, having let it compute."""
    import torch

    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            yield _cuda_device(index)
    elif has_nvidia_driver():
        yield _unused_gpu()
    if torch.backends.mps.is_available():
        _compute('mps')
        yield Finding('device mps', OK, 'computes')
    _compute('cpu')
    yield Finding('device cpu', OK, 'computes')


def _cuda_device(index: int) -> Finding:
    import torch

    name = f'device cuda:{index}'
    kind = torch.cuda.get_device_name(index)
    remedy = 'pip install --force-reinstall torch'
    try:
        _compute(f'cuda:{index}')
        free, total = torch.cuda.mem_get_info(index)
    except RuntimeError as error:
        why = str(error).strip().splitlines()[0]
        return Finding(name, WARNING, f'{kind} does not compute ({why})', remedy)
    found = f'{kind}, {free / GIB:.1f} of {total / GIB:.1f} GiB free, CUDA {torch.version.cuda}'
    if free < GIB:
        return Finding(name, WARNING, found, 'export CUDA_VISIBLE_DEVICES=')
    return Finding(name, OK, found)


def _unused_gpu() -> Finding:
    import torch

    if torch.version.cuda is None:
        found = f'there is an NVIDIA driver, but torch {torch.__version__} is built for the CPU'
        return Finding('device cuda', WARNING, found, 'pip install --force-reinstall torch')
    if os.environ.get('CUDA_VISIBLE_DEVICES') in ('', '-1'):
        found = 'hidden by CUDA_VISIBLE_DEVICES'
        return Finding('device cuda', WARNING, found, 'unset CUDA_VISIBLE_DEVICES')
    found = f'there is an NVIDIA driver, but torch (CUDA {torch.version.cuda}) cannot use it'
    return Finding('device cuda', WARNING, found, 'nvidia-smi')


def has_nvidia_driver() -> bool:
    """Return whether the system has a driver for NVIDIA's devices."""
    return Path('/proc/driver/nvidia/version').exists() or shutil.which('nvidia-smi') is not None


def _compute(device: str) -> None:
    """Multiply two small matrices on a device.

    Raises:
        RuntimeError: If the product is wrong or the device fails.
    """
    import torch

    ones = torch.ones(8, 8, device=device)
    if (ones @ ones).sum().item() != 512:
        raise RuntimeError('its products are wrong')


def check_threads() -> Finding:
    """Return whether threads fit the processors that this process may use."""
    import torch

    cores = usable_cores()
    threads = torch.get_num_threads()
    found = f'{threads} threads on {cores:g} usable cores'
    if threads > max(cores, 1):
        return Finding('threads', WARNING, found, f'export OMP_NUM_THREADS={max(int(cores), 1)}')
    return Finding('threads', OK, found)


def usable_cores(quota_file: Path = Path('/sys/fs/cgroup/cpu.max')) -> float:
    """Return the cores this process may use: those it is bound to, or its container's share.

    Args:
        quota_file: Of the container: microseconds in so many, or ``max``.
    """
    has_affinity = hasattr(os, 'sched_getaffinity')
    cores = float(len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1)
    try:
        quota, period = quota_file.read_text().split()
        return min(cores, int(quota) / int(period))
    except (OSError, ValueError):  # no container, or no limit
        return cores


def check_shared_memory(folder: Path = Path('/dev/shm')) -> Finding:
    """Return whether workers of data loaders can pass their batches on.

    Args:
        folder: The shared memory.
    """
    if not folder.is_dir():
        return Finding('shared memory', OK, f'no {folder} on this system')
    free = shutil.disk_usage(folder).free
    found = f'{free / GIB:.2f} GiB free in {folder}'
    if free < _LEAST_SHARED_BYTES:
        in_docker = Path('/.dockerenv').exists()
        remedy = 'docker run --shm-size=8g' if in_docker else f'mount -o remount,size=8G {folder}'
        return Finding('shared memory', WARNING, f'{found}; workers need about 1 GiB', remedy)
    return Finding('shared memory', OK, found)


def check_open_files() -> Finding:
    """Return whether enough files may be open at a time."""
    try:
        import resource
    except ImportError:  # Windows
        return Finding('open files', OK, 'no limit on this system')
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if limit == resource.RLIM_INFINITY:
        return Finding('open files', OK, 'no limit')
    if limit < _LEAST_OPEN_FILES:
        found = f'at most {limit}; workers and stores need {_LEAST_OPEN_FILES}'
        return Finding('open files', WARNING, found, f'ulimit -n {4 * _LEAST_OPEN_FILES}')
    return Finding('open files', OK, f'at most {limit}')


def check_clock() -> Finding:
    """Return whether the clock can be right: downloads fail where certificates seem too young."""
    now = datetime.fromtimestamp(time.time(), UTC)
    if now < RELEASED:
        found = f'{now:%Y-%m-%d %H:%M} UTC, before this version was made ({RELEASED:%Y-%m-%d})'
        return Finding('clock', WARNING, found, 'sudo timedatectl set-ntp true')
    return Finding('clock', OK, f'{now:%Y-%m-%d %H:%M} UTC')
