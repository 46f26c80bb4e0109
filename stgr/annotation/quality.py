"""Quality control: how many frames a person must look at again, and what is found there."""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from stgr.annotation.presence import BoolArray, IntArray, vote_presence


def sample_size(
    num_frames: int | None,
    *,
    confidence: float = 0.95,
    error: float = 0.05,
    proportion: float = 0.5,
) -> float:
    """Return how many frames estimate a share within ``error``; round it up.

    ``n0 = z^2 p (1 - p) / e^2`` with ``z = Phi^-1(1 - alpha / 2)`` (Eq. 4), and for a finite number
    of frames ``n = n0 / (1 + (n0 - 1) / N)`` (Eq. 5).

    Source: paper, section 10, Eq. 4 and 5; benchmarks, 3 (i).

    >>> round(sample_size(None), 2), round(sample_size(26_987), 1)
    (384.15, 378.8)

    Args:
        num_frames: Annotated frames N; None: very many (Eq. 4 alone).
        confidence: ``1 - alpha``, in (0, 1).
        error: Half width of the interval, in (0, 1).
        proportion: Expected share, in [0, 1]; 0.5 asks for most.

    Raises:
        ValueError: If a number lies outside its range.
    """
    if not (0 < confidence < 1 and 0 < error < 1 and 0 <= proportion <= 1):
        raise ValueError(
            'expected confidence and error in (0, 1) and proportion in [0, 1], got '
            f'{confidence}, {error} and {proportion}'
        )
    if num_frames is not None and num_frames < 1:
        raise ValueError(f'a sample needs at least 1 frame to draw from, got {num_frames}')
    z = NormalDist().inv_cdf(1 - (1 - confidence) / 2)
    unlimited = z**2 * proportion * (1 - proportion) / error**2
    return unlimited if num_frames is None else unlimited / (1 + (unlimited - 1) / num_frames)


def draw_sample(num_frames: int, *, seed: int, size: int | None = None) -> IntArray:
    """Return which frames to look at again: drawn once each, ascending, the same for a seed.

    Args:
        num_frames: Annotated frames.
        seed: Of the draw.
        size: How many; None: ``sample_size`` rounded up.

    Raises:
        ValueError: If more frames are wanted than there are.
    """
    wanted = int(np.ceil(sample_size(num_frames))) if size is None else size
    if not 0 <= wanted <= num_frames:
        raise ValueError(f'cannot draw {wanted} of {num_frames} frames')
    drawn = np.random.default_rng(seed).choice(num_frames, wanted, replace=False)
    return np.sort(drawn).astype(np.int64)


@dataclass(frozen=True, slots=True)
class QualityReport:
    """What a second look at a sample of frames found.

    Args:
        num_frames: Frames looked at.
        false_positives: A majority clicked, but no action is to be seen.
        false_negatives: A majority abstained, although the action is to be seen.
    """

    num_frames: int
    false_positives: int
    false_negatives: int

    @property
    def false_positive_share(self) -> float:
        """False positives among the frames looked at."""
        return self.false_positives / self.num_frames

    @property
    def false_negative_share(self) -> float:
        """False negatives among the frames looked at."""
        return self.false_negatives / self.num_frames


def check_quality(votes: IntArray, visible: BoolArray) -> QualityReport:
    """Compare the annotators' majority with what a careful second look sees.

    A frame that fewer than a majority clicked on counts as one from which a majority abstained: of
    five, at least three clicks or at least three abstentions, so no frame is neither. With an even
    number of annotators a tie counts as abstention, as ``vote_presence`` does.

    Source: benchmarks, 3 (i).

    Args:
        votes: (N, A), see ``stgr.annotation.presence``.
        visible: Whether the action is to be seen, (N,) bool.

    Raises:
        ValueError: If there is no frame, or the shapes disagree.
    """
    present, visible = vote_presence(votes), np.asarray(visible, bool)
    if present.shape != visible.shape or not len(present):
        raise ValueError(
            f'one second look per frame is expected, got {visible.shape} for {present.shape}'
        )
    return QualityReport(
        num_frames=len(present),
        false_positives=int((present & ~visible).sum()),
        false_negatives=int((~present & visible).sum()),
    )
