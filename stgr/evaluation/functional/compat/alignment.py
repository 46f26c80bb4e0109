"""The released MiningYouTube decoder's decisions, without its dictionary of hypotheses."""

import numpy as np

from stgr.evaluation.functional.alignment import LengthPrior, best_starts, checked_scores
from stgr.evaluation.functional.arrays import FloatArray, IntArray

RELEASED_BLOCK = 20
RELEASED_MEAN = 150.0
RELEASED_MAX = 5000
VARIANTS = ('mining', 'webvision')


def align_as_released(
    entry_scores: FloatArray,
    *,
    block: int = RELEASED_BLOCK,
    mean_length: float | None = RELEASED_MEAN,
    variant: str = 'mining',
) -> IntArray:
    """Return the entry of every frame as the released decoder would.

    With N = ceil(T / block) the decoder places N + 1 blocks: the first is scored with the first
    ``block`` frames and with frame 0 once more, block i of 1 .. N - 1 with the frames
    ``(i - 1) block + 1 .. i block`` (what is scored at a change is charged to the entry that
    ends), the last with nothing. Lengths count whole blocks, the extra one too; longer than
    5,000 frames is forbidden, and exactly 5,000 an error there (beyond its table) and here.
    Subtracting twice the largest score, as it does with positive ones, decides nothing. Ties,
    undefined there, are broken as in ``align_transcript``. Source:
    hildekuehne/Mining_YouTube_dataset 8ecf3ad, ``video_alignment/src/utils/viterbi.py``;
    benchmarks, section 4.

    Args:
        entry_scores: Log-score of each frame under each entry, (T, K), finite.
        block: Frames between possible boundaries (20 there).
        mean_length: Mean of the Poisson length model in frames (150 for every class there); None
            is a flat model.
        variant: ``'mining'`` drops the first block of the output, a net shift by one frame;
            ``'webvision'`` keeps it, a delay by one block.

    Returns:
        Entry of each frame, (T,). An entry that held only the dropped or cut block is missing.

    Raises:
        ValueError: If the variant is unknown, T < block, K > N + 1, or 5,000 frames are tried.
    """
    if variant not in VARIANTS:
        raise ValueError(f'variant must be one of {VARIANTS}, but got {variant!r}')
    scores = checked_scores(entry_scores, block)
    num_frames, num_entries = scores.shape
    num_blocks = -(-num_frames // block) + 1
    if num_frames < block or num_entries > num_blocks:
        raise ValueError(
            f'the released decoder needs T >= block and K <= ceil(T / block) + 1, but got '
            f'T={num_frames}, K={num_entries}, block={block}'
        )
    longest = num_blocks * block
    if mean_length is not None and longest >= RELEASED_MAX and RELEASED_MAX % block == 0:
        raise ValueError(
            f'the released length table ends before {RELEASED_MAX} frames, but {longest} are tried;'
            f' score fewer frames or use align_transcript'
        )
    edges = block * np.arange(num_blocks + 1)
    prior = LengthPrior(RELEASED_MAX, mean_length)
    starts = best_starts(_released_scores(scores, block, num_blocks), edges, prior)
    entries = np.repeat(np.arange(num_entries), block * np.diff(np.append(starts, num_blocks)))
    first = block if variant == 'mining' else 0
    return entries[first : first + num_frames]


def _released_scores(scores: FloatArray, block: int, num_blocks: int) -> FloatArray:
    """Return what each of the N + 1 blocks is scored with, (N + 1, K)."""
    found = np.zeros((num_blocks, scores.shape[1]))
    found[0] = scores[:block].sum(axis=0) + scores[0]
    sums = scores.cumsum(axis=0)[::block]  # at frames 0, block, 2 block ..
    found[1:-1] = sums[1:] - sums[:-1]
    return found
