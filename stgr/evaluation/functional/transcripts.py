"""Orders of labels, and predictions brought to the length of their truth."""

import numpy as np

from stgr.evaluation.functional.arrays import IntArray


def transcript_of(labels: IntArray) -> IntArray:
    """Return the order of the labels: one entry per maximal run, background too.

    Source: benchmarks, section 3.1 (e).

    Args:
        labels: Label of each frame, (T,).

    Returns:
        (K,), no two neighbours equal; empty if T is 0.
    """
    labels = np.asarray(labels, np.int64)
    if not len(labels):
        return labels
    return labels[np.concatenate([[True], labels[1:] != labels[:-1]])]


def spread_transcript(transcript: IntArray, num_frames: int) -> IntArray:
    """Return the entries spread evenly: frame t of T gets entry ``floor((t + 1/2) K / T)`` of K.

    Args:
        transcript: (K,), K >= 1.
        num_frames: T.

    Returns:
        Label of each frame, (T,).
    """
    doubled = 2 * np.arange(num_frames) + 1
    spread = transcript[doubled * len(transcript) // (2 * max(num_frames, 1))]
    return np.asarray(spread, np.int64)


def fit_length(labels: IntArray, num_frames: int) -> IntArray:
    """Return labels cut to a length, or padded to it with their last label.

    Source: benchmarks, section 3 (e).

    Args:
        labels: Predicted labels, (N,).
        num_frames: Frames of the truth.

    Returns:
        (num_frames,).

    Raises:
        ValueError: If there is no label to pad with.
    """
    labels = np.asarray(labels, np.int64)
    if not len(labels) and num_frames:
        raise ValueError(f'a prediction without frames cannot be padded to {num_frames} frames')
    missing = max(num_frames - len(labels), 0)
    return np.concatenate([labels[:num_frames], np.repeat(labels[-1:], missing)])
