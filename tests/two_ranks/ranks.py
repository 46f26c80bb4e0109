"""One program that runs every case in two processes; ``ranks.py RANK FOLDER TINY_CLIP``."""

import importlib
import os
import subprocess
import sys
import traceback
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

WORLD = 2
ALONE = 'alone'  # folder of what one process writes, below that of the two
CASES = (
    'gather',
    'losses',
    'grounders',
    'selectors',
    'metrics',
    'sharded',
    'sharded_runs',
    'resumed_runs',
)


@dataclass(frozen=True)
class Ranks:
    """Where a case runs: which process of how many, and where files may lie."""

    rank: int
    world: int
    folder: Path
    tiny_clip: Path

    def own(self, values):
        """Return this rank's equal share of rows, in order; of every tensor in a dict."""
        if isinstance(values, dict):
            return {name: self.own(value) for name, value in values.items()}
        share = len(values) // self.world
        return values[self.rank * share : (self.rank + 1) * share]


def cases():
    """Return every case by name: a function of ``Ranks`` that returns what is to be compared."""
    found = {}
    for name in CASES:
        module = importlib.import_module(f'two_ranks.{name}')
        found |= {f'{name}: {case}': function for case, function in module.CASES.items()}
    return found


def run_two(folder, tiny_clip):
    """Run all cases in two processes; return per rank the results by case."""
    command = [sys.executable, '-m', 'two_ranks.ranks']
    environment = os.environ | {'PYTHONPATH': os.pathsep.join(sys.path), 'OMP_NUM_THREADS': '1'}
    running = [
        subprocess.Popen(
            [*command, str(rank), str(folder), str(tiny_clip)],
            env=environment | {'LOCAL_RANK': str(rank)},
        )
        for rank in range(WORLD)
    ]
    try:
        for process in running:
            process.wait(timeout=540)
    finally:
        for process in running:
            process.kill()
    import torch

    files = [folder / f'rank{rank}.pt' for rank in range(WORLD)]
    return [torch.load(file, weights_only=True) for file in files]


def main(rank, folder, tiny_clip):
    """Be one rank: run the cases in order, stop at the first that fails, save what was found."""
    import torch
    import torch.distributed as dist

    meeting = f'file://{folder}/meeting'
    dist.init_process_group(
        'gloo', meeting, rank=rank, world_size=WORLD, timeout=timedelta(seconds=60)
    )
    ranks, results = Ranks(rank, WORLD, Path(folder), Path(tiny_clip)), {}
    for name, case in cases().items():
        torch.manual_seed(0)
        try:
            results[name] = case(ranks)
        except Exception:  # the ranks may be out of step: what follows would wait for ever
            results[name] = traceback.format_exc()
            break
    torch.save(results, Path(folder) / f'rank{rank}.pt')
    if not isinstance(results[name], str):
        dist.barrier()
    # On a busy machine torch's gloo threads now and then abort the interpreter while it shuts down
    # ("terminate called without an active exception"), also after destroy_process_group. All
    # results are on disk: skip the shutdown.
    os._exit(0)


if __name__ == '__main__':
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3])
