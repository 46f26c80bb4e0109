"""Which step is taken for which: frame counts of true against predicted labels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stgr.evaluation.functional.arrays import FloatArray, IntArray
from stgr.evaluation.functional.classes import class_ids, global_labels
from stgr.evaluation.functional.frame_facts import FrameFacts
from stgr.structures import BACKGROUND_NAME


@dataclass(frozen=True)
class Confusion:
    """Frames by true and predicted label.

    Args:
        names: Classes in order of first appearance in the pools, background last, K names.
        counts: Frames whose truth is the row and whose prediction the column, (K, K).
    """

    names: tuple[str, ...]
    counts: IntArray

    @property
    def shares(self) -> FloatArray:
        """``C[i, j] / sum_j C[i, j]``, (K, K), NaN for a class without frames."""
        totals = self.counts.sum(axis=1, keepdims=True)
        nothing = np.full(self.counts.shape, np.nan)
        shares: FloatArray = np.divide(self.counts, totals, out=nothing, where=totals > 0)
        return shares


@dataclass(frozen=True)
class Mistake:
    """One kind of mistake.

    Args:
        truth: Name of the true class.
        predicted: Name of the predicted one, another.
        count: Frames.
        share: Of the frames of the true class.
    """

    truth: str
    predicted: str
    count: int
    share: float


def count_confusion(videos: Sequence[FrameFacts]) -> Confusion:
    """Return the confusion matrix of all frames, background being a label like any other.

    ``C[i, j] = |{t : g_t = i and p_t = j}|`` over all videos.

    Args:
        videos: Facts of each video; the same name is the same class in all of them.

    Returns:
        Names and counts; only background if there is no pool.
    """
    ids = class_ids(videos)
    size = len(ids) + 1
    counts = np.zeros((size, size), np.int64)
    for video in videos:
        truth = global_labels(video.gt_labels, video.pool, ids)  # -1 is the last row, background
        np.add.at(counts, (truth, global_labels(video.pred_labels, video.pool, ids)), 1)
    return Confusion((*ids, BACKGROUND_NAME), counts)


def largest_confusions(confusion: Confusion, limit: int) -> list[Mistake]:
    """Return the mistakes that cost the most frames.

    Args:
        confusion: The matrix.
        limit: Mistakes at most.

    Returns:
        Off-diagonal entries above 0, by falling count; equal counts keep the order of classes.
    """
    counts = confusion.counts * (1 - np.eye(len(confusion.counts), dtype=np.int64))
    rows, columns = np.nonzero(counts)
    order = np.argsort(-counts[rows, columns], kind='stable')[:limit]
    pairs = zip(rows[order].tolist(), columns[order].tolist(), strict=True)
    shares = confusion.shares
    return [
        Mistake(confusion.names[i], confusion.names[j], int(counts[i, j]), float(shares[i, j]))
        for i, j in pairs
    ]


def merge_rare_classes(confusion: Confusion, keep: int) -> Confusion:
    """Return the matrix of the classes with the most true frames, the others added up as one.

    Args:
        confusion: The matrix.
        keep: Classes that stay, by falling number of true frames; equal ones keep their order.

    Returns:
        Those classes in that order, then ``other (N classes)`` if there are more, then background.
        What is confused among the others stands on the diagonal of the others.
    """
    num = len(confusion.names) - 1
    frames = confusion.counts[:num].sum(axis=1)
    order = np.argsort(-frames, kind='stable')
    groups = [np.asarray([i]) for i in order[:keep]]
    names = [confusion.names[i] for i in order[:keep]]
    if num > keep:
        groups.append(order[keep:])
        names.append(f'other ({num - keep} classes)')
    groups.append(np.asarray([num]))
    member = np.zeros((len(groups), num + 1), np.int64)
    for row, group in enumerate(groups):
        member[row, group] = 1
    return Confusion((*names, BACKGROUND_NAME), member @ confusion.counts @ member.T)
