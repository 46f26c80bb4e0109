"""CPU time of ``import stgr`` in a fresh interpreter, and what it does not import.

Each round starts an interpreter that imports nothing, one that imports stgr and one that imports
torch, in turn; the bare interpreter is taken off within a round. What is left of stgr is near the
noise, so there is no ratio.

Run: ``python benchmarks/import_time.py``
"""

import argparse
import resource
import subprocess
import sys
from pathlib import Path

from _recording import RESULTS, Row, environment, record, summary

HEAVY = ('torch', 'transformers', 'mmengine', 'av', 'cv2', 'matplotlib')
PROGRAMS = {'nothing': 'pass', 'stgr': 'import stgr', 'torch': 'import torch'}


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--out', type=Path, default=RESULTS / 'import_time.csv')
    arguments = parser.parse_args()
    settings = environment('torch') | {'heavy_packages_imported': heavy_packages()}
    record(arguments.out, measure(arguments.rounds), settings)


def measure(rounds: int) -> list[Row]:
    """Return times; the first, unmeasured round warms up the disk cache."""
    times = [
        {name: cpu_seconds(text) for name, text in PROGRAMS.items()} for _ in range(rounds + 1)
    ]
    stgr = [round_['stgr'] - round_['nothing'] for round_ in times[1:]]
    torch = [round_['torch'] - round_['nothing'] for round_ in times[1:]]
    return [
        {'measure': 'import stgr, CPU s', **summary(stgr)},
        {'measure': 'import torch, CPU s', **summary(torch)},
    ]


def cpu_seconds(program: str) -> float:
    """CPU time of an interpreter that runs a program."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, '-c', program], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def heavy_packages() -> str:
    """Return the heavy packages that ``import stgr`` imports."""
    program = f'import sys, stgr; print(*sorted(set({HEAVY}) & set(sys.modules)))'
    done = subprocess.run([sys.executable, '-c', program], check=True, capture_output=True)
    return done.stdout.decode().strip() or 'none'


if __name__ == '__main__':
    main()
