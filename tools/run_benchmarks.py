"""Run all benchmarks of ``benchmarks/``, one after the other, and say how long each took.

A script that fails does not stop the others; the exit status tells. Each prints its own table and
writes it to ``benchmarks/results``.

    python tools/run_benchmarks.py                    # all, at the sizes of a two-core CPU
    python tools/run_benchmarks.py decode queries     # some
    python tools/run_benchmarks.py --full             # those with larger sizes, into results/full
"""

import argparse
import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).resolve().parents[1] / 'benchmarks'
# Other jobs on the machine then change no ratio of processor seconds; nothing is downloaded.
ENVIRONMENT = {
    'OMP_NUM_THREADS': '1',
    'HF_HUB_OFFLINE': '1',
    'HF_HUB_DISABLE_PROGRESS_BARS': '1',
    'TOKENIZERS_PARALLELISM': 'false',
    'TRANSFORMERS_VERBOSITY': 'error',
}


# Sizes that take minutes; what they print is kept apart from that of the small ones.
FULL = {
    'alignment': ['--frames', '7500'],
    'cached_gradients': ['--largest', '4096'],
    'caption_memory': ['--videos', '200000'],
    'compiled': ['--towers'],
    'finetune_memory': ['--frames', '32'],
    'grounding_memory': ['--minutes', '1', '60'],
    'int8': ['--encoders', 'tiny', 'b32'],
    'local_head': ['--clips', '8', '--frames', '16'],
    'queries': ['--seconds', '60', '300'],
    'reader_memory': ['--opens', '10000'],
    'search': ['--hours', '100'],
    'selection_share': ['--clips', '2'],
}


class Run(NamedTuple):
    """How a script went.

    Args:
        script: Its name.
        wall_sec: How long it took.
        cpu_sec: Processor seconds of it and the processes that it waited for.
        exit_status: 0 if it went well.
    """

    script: str
    wall_sec: float
    cpu_sec: float
    exit_status: int


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmarks and return how many failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('scripts', nargs='*', help='names without .py; all')
    parser.add_argument('--folder', type=Path, default=FOLDER, help='where they are')
    parser.add_argument('--full', action='store_true', help='larger sizes: an hour or so')
    arguments = parser.parse_args(argv)
    there = sorted(file.stem for file in arguments.folder.glob('[!_]*.py'))
    unknown = sorted(set(arguments.scripts) - set(there))
    if unknown:
        parser.error(f'no benchmarks {unknown}; there are {there}')
    wanted = arguments.scripts or (sorted(FULL) if arguments.full else there)
    runs = []
    for number, script in enumerate(wanted, 1):
        print(f'\n[{number}/{len(wanted)}] {script}', flush=True)
        runs.append(run(arguments.folder / f'{script}.py', full=arguments.full))
    print(f'\n{table(runs)}')
    return sum(one.exit_status != 0 for one in runs)


def run(script: Path, *, full: bool = False) -> Run:
    """Run one script; what it prints goes where this prints."""
    options = full_options(script) if full else []
    before, start = children_sec(), time.monotonic()
    command = [sys.executable, script, *options]
    done = subprocess.run(command, env=ENVIRONMENT | os.environ, check=False)
    wall_sec = time.monotonic() - start
    return Run(script.stem, wall_sec, children_sec() - before, done.returncode)


def full_options(script: Path) -> list[str]:
    """Return the options for a script's larger sizes; none where it has no larger ones."""
    if script.stem not in FULL:
        return []
    out = script.parent / 'results' / 'full'
    if script.stem != 'queries':  # which writes two tables
        out /= f'{script.stem}.csv'
    return [*FULL[script.stem], '--out', str(out)]


def children_sec() -> float:
    """Return the processor seconds of all processes that were waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def table(runs: Sequence[Run]) -> str:
    """Return the times as lines, the slowest first, and their sum."""
    width = max(len(one.script) for one in runs)
    lines = [f'{"script":{width}}   wall s    CPU s']
    for one in sorted(runs, key=lambda one: -one.wall_sec):
        failed = f'  FAILED with {one.exit_status}' if one.exit_status else ''
        lines.append(f'{one.script:{width}} {one.wall_sec:8.1f} {one.cpu_sec:8.1f}{failed}')
    wall_sec, cpu_sec = sum(one.wall_sec for one in runs), sum(one.cpu_sec for one in runs)
    lines.append(f'{"all":{width}} {wall_sec:8.1f} {cpu_sec:8.1f}')
    return '\n'.join(lines)


if __name__ == '__main__':
    sys.exit(main())
