"""How fast and how converged frame selection by optimal transport is.

Writes one CSV with, for a batch of the paper's size (64 clips, 80 frames, 20 words):

* time of the batched plan against a loop over clips with the same code and a loop over POT
  (numpy, one problem a call), as ratios to the batched one, taken in turn so that a busy machine
  slows all three alike;
* largest difference of the three plans;
* share of the 16 selected frames that are also selected by the converged plan, and the misplaced
  mass, by number of iterations.

Run: ``python benchmarks/sinkhorn.py`` (needs ``pip install POT``; about a minute on one core).
"""

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from _recording import RESULTS, environment, record, summary
from torch import Tensor
from torch.nn import functional as F

from stgr.ops.sinkhorn import sinkhorn

BATCH, FRAMES, WORDS, WIDTH, SELECTED = 64, 80, 20, 64, 16
EPSILON = 0.005  # of cosines: temperature 0.1 times epsilon 0.05


def video_like_cosines(seed: int, smooth: bool) -> Tensor:
    """Cosines of random words with random frames, or with frames that drift slowly, (B, U, L)."""
    generator = torch.Generator().manual_seed(seed)
    frames = torch.randn(BATCH, FRAMES, WIDTH, generator=generator, dtype=torch.float64)
    words = torch.randn(BATCH, WORDS, WIDTH, generator=generator, dtype=torch.float64)
    if smooth:
        frames = frames.cumsum(dim=1)
    return torch.einsum('bud,bld->bul', F.normalize(frames, dim=-1), F.normalize(words, dim=-1))


def batched(cosines: Tensor, iterations: int) -> Tensor:
    """Solve all clips at once."""
    return sinkhorn(cosines, epsilon=EPSILON, iterations=iterations).plan


def clip_by_clip(cosines: Tensor, iterations: int) -> Tensor:
    """Solve one clip at a time with the same code."""
    return torch.cat([batched(clip[None], iterations) for clip in cosines])


def pot_loop(cosines: Tensor, iterations: int) -> Tensor:
    """Solve one clip at a time with POT in log space, as many iterations, never stopping early."""
    import ot

    plans = [
        ot.sinkhorn(
            [],
            [],
            -clip.numpy(),
            reg=EPSILON,
            method='sinkhorn_log',
            numItermax=iterations,
            stopThr=0,
            warn=False,
        )
        for clip in cosines
    ]
    return torch.stack([torch.from_numpy(plan) for plan in plans])


def seconds(solve: Callable[[Tensor, int], Tensor], cosines: Tensor, iterations: int) -> float:
    """Time one call."""
    start = time.process_time()
    solve(cosines, iterations)
    return time.process_time() - start


def speed_rows(repeats: int) -> Iterator[dict[str, object]]:
    """Ratios of the loops to the batched form, and the largest difference of the plans."""
    cosines = video_like_cosines(0, smooth=True)
    for iterations in (3, 50):
        plan = batched(cosines, iterations)
        batched_sec = [seconds(batched, cosines, iterations) for _ in range(3)]
        yield row('batched', 'milliseconds', iterations, [1e3 * value for value in batched_sec])
        for solve in (clip_by_clip, pot_loop):
            gap = (solve(cosines, iterations) - plan).abs().max().item()
            ratios = [
                seconds(solve, cosines, iterations) / seconds(batched, cosines, iterations)
                for _ in range(repeats)
            ]
            yield row(solve.__name__, 'times slower than batched', iterations, ratios)
            yield row(solve.__name__, 'largest difference of plans', iterations, [gap])


def convergence_rows() -> Iterator[dict[str, object]]:
    """Agreement with the converged plan's selection, one value per clip summarised."""
    for name, smooth in (('independent frames', False), ('drifting frames', True)):
        cosines = video_like_cosines(1, smooth)
        converged = selected(cosines, iterations=3000)
        for iterations in (1, 3, 10, 50, 200):
            both = selected(cosines, iterations) & converged
            shares = (both.sum(dim=1) / SELECTED).tolist()
            yield row(name, 'selected as by the converged plan', iterations, shares)
            error = sinkhorn(cosines, epsilon=EPSILON, iterations=iterations).marginal_error
            yield row(name, 'misplaced mass', iterations, error.tolist())


def selected(cosines: Tensor, iterations: int) -> Tensor:
    """Which frames transport-weighted similarity selects, (B, U) bool."""
    score = (batched(cosines, iterations) * cosines).sum(dim=2)
    best = score.topk(SELECTED, dim=1).indices
    return torch.zeros_like(score, dtype=torch.bool).scatter(1, best, value=True)


def row(what: str, measure: str, iterations: int, values: list[float]) -> dict[str, object]:
    """Summarise repeated values."""
    return {'what': what, 'measure': measure, 'iterations': iterations} | summary(values)


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--repeats', type=int, default=7, help='timed pairs per ratio')
    parser.add_argument('--out', type=Path, default=RESULTS / 'sinkhorn.csv')
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = [*speed_rows(arguments.repeats), *convergence_rows()]
    settings = environment('torch', 'pot') | {'threads': torch.get_num_threads()}
    record(arguments.out, rows, settings)


if __name__ == '__main__':
    main()
