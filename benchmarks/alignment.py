"""Transcript alignment in numpy against a Python dictionary of hypotheses.

A video at its native rate with 41 transcript entries: 3,000 frames, or the 7,500 of 4 minutes with
``--frames 7500`` (five minutes of processor time). Both ways decide in turn
within each round, in CPU time, so a busy machine slows them alike. The first rival is the released
decoder's dictionary at its own granularity (``decode_like_released``). The second is leaner, of
whole numbers: hypotheses (entry, length), as any length model needs them. At blocks of one
frame these would be a thousand million; there the third rival, for no prior alone, keeps one
hypothesis per entry. Run: python benchmarks/alignment.py [--rounds N]
"""

import argparse
import math
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from _recording import RESULTS, environment, record, summary

from stgr.evaluation.functional import LengthPrior, align_transcript

ENTRIES = 41
Align = Callable[[], list[int]]


def evidence(frames: int, seed: int = 0) -> np.ndarray:
    """Log-scores with the right entry one standard deviation above the others, (T, K)."""
    generator = np.random.default_rng(seed)
    cuts = np.sort(generator.choice(np.arange(1, frames), ENTRIES - 1, replace=False))
    truth = np.searchsorted(cuts, np.arange(frames), side='right')
    scores = generator.normal(size=(frames, ENTRIES))
    scores[np.arange(frames), truth] += 1
    return scores


class Node:
    """One block of a hypothesis: its label and the block before."""

    def __init__(self, label: int, before: 'Node | None') -> None:
        self.label, self.before = label, before


class Hypothesis:
    """A score and the last block."""

    def __init__(self, score: float, last: Node) -> None:
        self.score, self.last = score, last


def decode_like_released(scores: np.ndarray, block: int, prior: LengthPrior) -> list[int]:
    """Return the alignment by the released MiningYouTube decoder's way of working.

    Its hypotheses are keyed by all labels so far and the length of the last one; a new dictionary,
    with a new object and a new node per hypothesis, is made for each block; what a block gains and
    what may follow are looked up for each hypothesis. Written anew from its description, with what
    it does wrong put right (``stgr.evaluation.functional.compat.alignment``: block 0 twice, gains
    charged to the old label, no length of 5,000 frames), as it fails on a video this long. Its
    prints and its pruning (above 50,000 hypotheses, here there are 15,000) are left out.
    """
    num_frames, num_entries = scores.shape
    sums = np.cumsum(scores, axis=0)
    followers = {(-1, *range(entry)): entry for entry in range(num_entries)}
    lengths = prior.scores(np.arange(num_frames + block))

    def gain(frame: int, label: int) -> float:
        if frame >= block:
            return sums[frame, label] - sums[frame - block, label]
        return sums[frame, label]

    def keep(found: dict, key: tuple[int, ...], score: float, last: Node) -> None:
        if key not in found or found[key].score < score:
            found[key] = Hypothesis(score, last)

    hypotheses = {(-1, 0, block): Hypothesis(gain(block - 1, 0), Node(0, None))}
    for frame in range(2 * block - 1, num_frames, block):
        new: dict = {}
        for key, one in hypotheses.items():
            context, label, length = key[:-2], key[-2], key[-1]
            stay = one.score + gain(frame, label)
            keep(new, (*context, label, length + block), stay, Node(label, one.last))
            context = (*context, label)
            if context in followers:
                follower = followers[context]
                change = one.score + lengths[length] + gain(frame, follower)
                keep(new, (*context, follower, block), change, Node(follower, one.last))
        hypotheses = new
    ends = [
        (one.score + lengths[key[-1]], one.last)
        for key, one in hypotheses.items()
        if key[-2] == num_entries - 1
    ]
    node, labels = max(ends, key=lambda end: end[0])[1], []
    while node is not None:
        labels += [node.label] * block
        node = node.before
    return labels[::-1]


def with_lengths(scores: np.ndarray, block: int, prior: LengthPrior) -> list[int]:
    """Return the alignment by hypotheses (entry, length) in a dictionary."""
    num_frames, num_entries = scores.shape
    weights = prior.scores(np.arange(num_frames + block + 1)).tolist()
    gains = np.add.reduceat(scores, np.arange(0, num_frames, block), axis=0).tolist()
    sizes = [min(block, num_frames - start) for start in range(0, num_frames, block)]
    hypotheses = {(0, sizes[0]): (gains[0][0], (0, None))}
    for number in range(1, len(gains)):
        gain, size, new = gains[number], sizes[number], {}
        for (entry, length), (score, history) in hypotheses.items():
            key = (entry, length + size)
            if key not in new or new[key][0] < score + gain[entry]:
                new[key] = (score + gain[entry], history)
            if entry + 1 < num_entries and weights[length] > -math.inf:
                key, total = (entry + 1, size), score + weights[length] + gain[entry + 1]
                if key not in new or new[key][0] < total:
                    new[key] = (total, (number, history))
        hypotheses = new
    last = [
        (score + weights[length], history)
        for (entry, length), (score, history) in hypotheses.items()
        if entry == num_entries - 1
    ]
    return _labels(max(last, key=lambda found: found[0])[1], block, num_frames)


def entries_alone(scores: np.ndarray, block: int, prior: LengthPrior) -> list[int]:
    """Return the alignment without a prior by hypotheses (entry) in a dictionary."""
    assert prior == LengthPrior(), 'without lengths there is no prior on them'
    num_frames, num_entries = scores.shape
    gains = np.add.reduceat(scores, np.arange(0, num_frames, block), axis=0).tolist()
    hypotheses = {0: (gains[0][0], (0, None))}
    for number in range(1, len(gains)):
        gain, new = gains[number], {}
        for entry, (score, history) in hypotheses.items():
            if entry not in new or new[entry][0] < score + gain[entry]:
                new[entry] = (score + gain[entry], history)
            if entry + 1 < num_entries:
                total = score + gain[entry + 1]
                if entry + 1 not in new or new[entry + 1][0] < total:
                    new[entry + 1] = (total, (number, history))
        hypotheses = new
    return _labels(hypotheses[num_entries - 1][1], block, num_frames)


def _labels(history: tuple, block: int, num_frames: int) -> list[int]:
    starts = []
    while history is not None:
        starts.append(block * history[0])
        history = history[1]
    lengths = np.diff([*reversed(starts), num_frames])
    return np.repeat(np.arange(len(lengths)), lengths).tolist()


def compare(name: str, rival: Align, ours: Align, rounds: int) -> list[dict[str, object]]:
    """Return the ratios of a dictionary's time to ours, and our time."""
    assert rival() == ours(), f'{name}: decisions differ'
    ratios, ours_ms = [], []
    for _ in range(rounds):
        rival_sec = _seconds(rival)
        ours_sec = statistics.median(_seconds(ours) for _ in range(5))
        ratios.append(rival_sec / ours_sec)
        ours_ms.append(1e3 * ours_sec)
    return [
        {'what': name, 'measure': 'times slower than ours'} | summary(ratios),
        {'what': name, 'measure': 'ours, milliseconds'} | summary(ours_ms),
    ]


def _seconds(align: Align) -> float:
    start = time.process_time()
    align()
    return time.process_time() - start


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--frames', type=int, default=3000)
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--out', type=Path, default=RESULTS / 'alignment.csv')
    arguments = parser.parse_args()
    scores, rows = evidence(arguments.frames), []
    for name, dictionary, block, prior in (
        ('as released, blocks of 20, no prior', decode_like_released, 20, LengthPrior()),
        (
            'as released, blocks of 20, Poisson 150',
            decode_like_released,
            20,
            LengthPrior(None, 150),
        ),
        ('(entry, length), blocks of 20, no prior', with_lengths, 20, LengthPrior()),
        ('(entry, length), blocks of 20, at most 1000', with_lengths, 20, LengthPrior(1000)),
        ('(entry, length), blocks of 20, Poisson 150', with_lengths, 20, LengthPrior(None, 150)),
        ('(entry), blocks of 1, no prior', entries_alone, 1, LengthPrior()),
    ):
        rows += compare(
            name,
            lambda d=dictionary, b=block, p=prior: d(scores, b, p),
            lambda b=block, p=prior: align_transcript(scores, block=b, prior=p).tolist(),
            arguments.rounds,
        )
    record(arguments.out, rows, {'frames': arguments.frames, **environment('numpy')})


if __name__ == '__main__':
    main()
