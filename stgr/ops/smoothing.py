"""Smooth scores over time, however unevenly the frames lie."""

import torch
from torch import Tensor

_REACH = 3.0  # standard deviations beyond which a frame has no say


def smooth_over_time(scores: Tensor, times_sec: Tensor, sigma_sec: float) -> Tensor:
    """Return each frame's mean of scores around it, weighted by a Gaussian of the time between.

    Weights are normalised over the frames that are there, so the ends of a video and gaps in it
    pull nothing towards 0, and a constant stays itself.

    Args:
        scores: Of each query and frame, (Q, F).
        times_sec: Times of the frames, (F,), ascending.
        sigma_sec: Standard deviation, >= 0; 0 leaves the scores as they are.

    Returns:
        Smoothed scores, (Q, F).

    Raises:
        ValueError: If shapes disagree or ``sigma_sec`` is negative.
    """
    if scores.ndim != 2 or times_sec.shape != scores.shape[1:]:
        raise ValueError(
            f'scores must be (Q, F) and times_sec (F,), but got {tuple(scores.shape)} and '
            f'{tuple(times_sec.shape)}'
        )
    if not sigma_sec >= 0:
        raise ValueError(f'sigma_sec must be >= 0, but got {sigma_sec}')
    if sigma_sec == 0 or scores.shape[1] < 2:
        return scores
    times = times_sec.to(scores.device, torch.float64)
    total, weight = scores.to(torch.float64, copy=True), torch.ones_like(times)
    for step in range(1, len(times)):  # the distance in frames, not a frame: few in number
        between = torch.exp(-0.5 * ((times[step:] - times[:-step]) / sigma_sec) ** 2)
        between = between * (times[step:] - times[:-step] <= _REACH * sigma_sec)
        if not bool(between.any()):
            break
        total[:, step:] += between * scores[:, :-step]
        total[:, :-step] += between * scores[:, step:]
        weight[step:] += between
        weight[:-step] += between
    return (total / weight).to(scores.dtype)
