"""What several annotators together say of a frame: is the action there, from when to when.

Votes are whole numbers, (N, A) for N frames and A annotators: one of ``OPEN`` (not asked or not yet
answered), ``POINT`` (clicked), ``CANNOT_SOLVE`` (the action is not to be seen, or not to be placed)
and ``CORRUPT`` (the picture is broken). Only a point speaks for the action.
"""

import numpy as np
from numpy.typing import NDArray

OPEN, POINT, CANNOT_SOLVE, CORRUPT = range(4)
STATUSES = ('open', 'point', 'cannot_solve', 'corrupt')  # the names that files use, by number

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]


def majority(num_annotators: int) -> int:
    """Return how many of the annotators are more than half: 3 of 5.

    Raises:
        ValueError: If there is no annotator.
    """
    if num_annotators < 1:
        raise ValueError(f'a majority needs at least 1 annotator, but got {num_annotators}')
    return num_annotators // 2 + 1


def vote_presence(votes: IntArray, *, quorum: int | None = None) -> BoolArray:
    """Tell in which frames enough annotators clicked for the action to be there.

    Source: paper, section 4; benchmarks, 3 (i): at least 3 of 5 clicks.

    Args:
        votes: (N, A).
        quorum: Clicks needed; None: more than half of the A annotators, answered or not, so that a
            frame that nobody has looked at yet is not there.

    Returns:
        (N,) bool.

    Raises:
        ValueError: If ``votes`` has another shape, or ``quorum`` is not in 1..A.
    """
    return _at_least(votes, POINT, quorum)


def vote_corrupt(votes: IntArray, *, quorum: int | None = None) -> BoolArray:
    """Tell which frames enough annotators call corrupt, (N,) bool; see ``vote_presence``."""
    return _at_least(votes, CORRUPT, quorum)


def refine_bounds(present: BoolArray, seconds: IntArray) -> tuple[int, int] | None:
    """Return the first and the last second of a step in which its action is there.

    Gaps between them stay inside the step, as in the released ``ground_seg.json``.

    Args:
        present: Whether the action is there, (n,) bool.
        seconds: The seconds asked for, (n,), ascending.

    Returns:
        Both ends inside the step, or None if the action is nowhere: the step is then dropped.

    Raises:
        ValueError: If the arrays do not match or the seconds do not ascend.
    """
    _check_seconds(present, seconds)
    there = np.flatnonzero(present)
    return None if not len(there) else (int(seconds[there[0]]), int(seconds[there[-1]]))


def presence_runs(present: BoolArray, seconds: IntArray) -> list[tuple[int, int]]:
    """Return every unbroken run of seconds in which an action is there.

    For actions that were asked for without a time, where one step from the first to the last second
    would swallow all that lies between two occurrences.

    Args:
        present: Whether the action is there, (n,) bool.
        seconds: The seconds asked for, (n,), ascending.

    Returns:
        First and last second of each run, both inside it; empty if the action is nowhere.

    Raises:
        ValueError: If the arrays do not match or the seconds do not ascend.
    """
    _check_seconds(present, seconds)
    runs: list[tuple[int, int]] = []
    for second in np.asarray(seconds)[np.asarray(present, bool)].tolist():
        if runs and runs[-1][1] == second - 1:
            runs[-1] = (runs[-1][0], second)
        else:
            runs.append((second, second))
    return runs


def _at_least(votes: IntArray, status: int, quorum: int | None) -> BoolArray:
    votes = np.asarray(votes)
    if votes.ndim != 2 or votes.shape[1] < 1:
        raise ValueError(f'votes must be of shape (frames, annotators >= 1), got {votes.shape}')
    needed = majority(votes.shape[1]) if quorum is None else quorum
    if not 1 <= needed <= votes.shape[1]:
        raise ValueError(f'quorum={needed} must lie in 1..{votes.shape[1]}, the annotators')
    return np.asarray((votes == status).sum(axis=1) >= needed, np.bool_)


def _check_seconds(present: BoolArray, seconds: IntArray) -> None:
    present, seconds = np.asarray(present), np.asarray(seconds)
    if present.ndim != 1 or present.shape != seconds.shape:
        raise ValueError(
            f'one answer per second is expected, got shapes {present.shape} and {seconds.shape}'
        )
    if (np.diff(seconds) <= 0).any():
        raise ValueError('seconds must ascend without repeats')
