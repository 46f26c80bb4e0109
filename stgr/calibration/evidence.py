"""What speaks for a query in a video, before it is a probability."""

import numpy as np


def strongest_window(frame_scores: np.ndarray, num_frames: int) -> np.ndarray:
    """Return the highest mean score of consecutive frames.

    Of many frames one always looks like the query by chance; a run of them hardly ever does.

    Args:
        frame_scores: Similarity of each query and frame, (Q, F).
        num_frames: Length of the run, >= 1; a shorter video is one run.

    Returns:
        (Q,) float64; -1, the least cosine, for a video without frames.

    Raises:
        ValueError: If the run is empty.
    """
    if num_frames < 1:
        raise ValueError(f'a window needs at least one frame, but got {num_frames}')
    scores = np.asarray(frame_scores, np.float64)
    if scores.shape[1] == 0:
        return np.full(len(scores), -1.0)
    length = min(num_frames, scores.shape[1])
    runs = np.lib.stride_tricks.sliding_window_view(scores, length, axis=1)  # (Q, F - n + 1, n)
    best: np.ndarray = runs.mean(axis=2).max(axis=1)
    return best
