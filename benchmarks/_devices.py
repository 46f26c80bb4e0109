"""Clocks, peaks and counts that mean the same on the CPU and on a GPU."""

import argparse
import time
from collections.abc import Callable

import torch
from torch.utils.flop_counter import FlopCounterMode

# Dense tensor-core peaks in bfloat16 and float16 of the makers' data sheets, TFLOP/s.
DATA_SHEET_TFLOPS = {'H200': 989, 'H100': 989, 'A100': 312, 'L40S': 362, 'V100': 125}
GEMM_SIZE = {'cpu': 1024, 'cuda': 8192}
DTYPES = {'float32': torch.float32, 'bfloat16': torch.bfloat16}


def add_device(parser: argparse.ArgumentParser) -> None:
    """Add the options that all of these benchmarks share."""
    parser.add_argument('--device', default='cpu', help='cpu or cuda')
    parser.add_argument('--precision', choices=tuple(DTYPES), default='float32')
    parser.add_argument('--threads', type=int, default=1, help='of the CPU')


def set_up(device: str, threads: int) -> dict[str, object] | None:
    """Set the number of CPU threads; return the device, and which clock is read.

    Returns:
        None where the device cannot be used; one line says so.
    """
    if torch.device(device).type == 'cuda' and not torch.cuda.is_available():
        print(f'skipped: no CUDA device for --device {device}')
        return None
    torch.set_num_threads(threads)
    if torch.device(device).type == 'cuda':
        return {'device': torch.cuda.get_device_name(device), 'clock': 'wall'}
    return {'device': f'cpu, {threads} thread(s)', 'clock': 'processor seconds'}


def seconds(work: Callable[[], object], device: str) -> float:
    """Return what work costs: processor seconds, or wall seconds of a GPU that has finished.

    On the CPU other jobs may run beside, and only processor time means anything; it is summed over
    threads.
    """
    if torch.device(device).type != 'cuda':
        start = time.process_time()
        work()
        return time.process_time() - start
    torch.cuda.synchronize(device)
    start = time.perf_counter()
    work()
    torch.cuda.synchronize(device)
    return time.perf_counter() - start


def peak_mib(work: Callable[[], object], device: str) -> float | None:
    """Return the most memory that tensors took on a GPU during work; None on the CPU."""
    if torch.device(device).type != 'cuda':
        return None
    torch.cuda.synchronize(device)
    torch.cuda.reset_peak_memory_stats(device)
    work()
    torch.cuda.synchronize(device)
    return torch.cuda.max_memory_allocated(device) / 2**20


def count_flops(work: Callable[[], object]) -> int:
    """Return the floating-point operations of the matrix products of work; 2 a multiply-add."""
    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops()


def gemm_flops_per_sec(device: str, precision: str, rounds: int = 5) -> float:
    """Return the speed of a large square matrix product, the best of some: the practical roof."""
    size = GEMM_SIZE[torch.device(device).type]
    one, other = torch.randn(2, size, size, device=device, dtype=DTYPES[precision])
    torch.mm(one, other)
    return 2 * size**3 / min(seconds(lambda: torch.mm(one, other), device) for _ in range(rounds))


def data_sheet_flops_per_sec(device: str, precision: str) -> float | None:
    """Return what the maker of a GPU states for half precision; None if that is not known."""
    if torch.device(device).type != 'cuda' or precision == 'float32':
        return None
    name = torch.cuda.get_device_name(device)
    known = (peak for part, peak in DATA_SHEET_TFLOPS.items() if part in name)
    return next((1e12 * peak for peak in known), None)
