"""Each thing that can be wrong with the machine, and what mends it."""

from collections import namedtuple
from pathlib import Path

import pytest
import torch

from stgr.apis.doctor import machine
from stgr.apis.doctor.machine import GIB

_Usage = namedtuple('_Usage', 'total used free')


def test_cpu_computes():
    (*_, cpu) = machine.check_devices()

    assert (cpu.name, cpu.level) == ('device cpu', 'ok')


@pytest.mark.parametrize(
    ('built_for', 'visible', 'remedy'),
    [
        (None, None, 'pip install --force-reinstall torch'),
        ('12.8', '', 'unset CUDA_VISIBLE_DEVICES'),
        ('12.8', '-1', 'unset CUDA_VISIBLE_DEVICES'),
        ('12.8', '0', 'nvidia-smi'),
    ],
)
def test_gpu_that_torch_does_not_use_is_a_warning(built_for, visible, remedy, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    monkeypatch.setattr(machine, 'has_nvidia_driver', lambda: True)
    monkeypatch.setattr(torch.version, 'cuda', built_for)
    monkeypatch.delenv('CUDA_VISIBLE_DEVICES', raising=False)
    if visible is not None:
        monkeypatch.setenv('CUDA_VISIBLE_DEVICES', visible)

    first = next(iter(machine.check_devices()))

    assert (first.name, first.level, first.remedy) == ('device cuda', 'warning', remedy)


@pytest.mark.parametrize(
    ('free', 'fault', 'level', 'found'),
    [
        (30 * GIB, None, 'ok', 'H200, 30.0 of 139.0 GiB free'),
        (GIB // 2, None, 'warning', '0.5 of 139.0 GiB free'),
        (30 * GIB, RuntimeError('no kernel image\nmore'), 'warning', 'does not compute (no kernel'),
    ],
)
def test_gpu_is_named_with_its_memory_and_has_to_compute(free, fault, level, found, monkeypatch):
    def compute(device):
        if fault and device != 'cpu':
            raise fault

    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: 1)
    monkeypatch.setattr(torch.cuda, 'get_device_name', lambda index: 'H200')
    monkeypatch.setattr(torch.cuda, 'mem_get_info', lambda index: (free, 139 * GIB))
    monkeypatch.setattr(machine, '_compute', compute)

    first = next(iter(machine.check_devices()))

    assert (first.name, first.level) == ('device cuda:0', level)
    assert found in first.found


@pytest.mark.parametrize(
    ('threads', 'cores', 'level', 'remedy'),
    [
        (2, 2.0, 'ok', ''),
        (8, 2.5, 'warning', 'export OMP_NUM_THREADS=2'),
        (2, 0.5, 'warning', 'export OMP_NUM_THREADS=1'),
        (1, 0.5, 'ok', ''),  # fewer than one there cannot be
    ],
)
def test_more_threads_than_cores_are_a_warning(threads, cores, level, remedy, monkeypatch):
    monkeypatch.setattr(torch, 'get_num_threads', lambda: threads)
    monkeypatch.setattr(machine, 'usable_cores', lambda: cores)

    finding = machine.check_threads()

    assert (finding.level, finding.remedy) == (level, remedy)


@pytest.mark.parametrize(
    ('quota', 'cores'), [('150000 100000', 1.5), ('max 100000', 4), ('900000 100000', 4), ('', 4)]
)
def test_share_of_a_container_limits_the_cores(quota, cores, tmp_path, monkeypatch):
    monkeypatch.setattr(machine.os, 'sched_getaffinity', lambda pid: {0, 1, 2, 3}, raising=False)
    (tmp_path / 'cpu.max').write_text(quota)

    assert machine.usable_cores(tmp_path / 'cpu.max') == cores


@pytest.mark.parametrize(('free', 'level'), [(64 * 2**20, 'warning'), (2 * GIB, 'ok')])
def test_little_shared_memory_is_a_warning(free, level, tmp_path, monkeypatch):
    monkeypatch.setattr(machine.shutil, 'disk_usage', lambda folder: _Usage(free, 0, free))

    finding = machine.check_shared_memory(tmp_path)

    assert finding.level == level
    assert ('size=8' in finding.remedy) == (level == 'warning')


def test_system_without_shared_memory_folder_is_fine(tmp_path):
    assert machine.check_shared_memory(tmp_path / 'none').level == 'ok'


@pytest.mark.parametrize(
    ('limit', 'level', 'remedy'),
    [(256, 'warning', 'ulimit -n 4096'), (1024, 'ok', ''), (-1, 'ok', '')],
)
def test_few_open_files_are_a_warning(limit, level, remedy, monkeypatch):
    resource = pytest.importorskip('resource')
    monkeypatch.setattr(resource, 'getrlimit', lambda which: (limit, limit))

    finding = machine.check_open_files()

    assert (finding.level, finding.remedy) == (level, remedy)


@pytest.mark.parametrize(('time_sec', 'level'), [(0.0, 'warning'), (1.8e9, 'ok')])
def test_clock_before_the_release_is_a_warning(time_sec, level, monkeypatch):
    monkeypatch.setattr(machine.time, 'time', lambda: time_sec)

    assert machine.check_clock().level == level


def test_driver_is_looked_for_without_asking_torch(monkeypatch):
    monkeypatch.setattr(machine.shutil, 'which', lambda name: '/usr/bin/nvidia-smi')

    assert machine.has_nvidia_driver()
    monkeypatch.setattr(machine.shutil, 'which', lambda name: None)
    monkeypatch.setattr(Path, 'exists', lambda path: False)
    assert not machine.has_nvidia_driver()
