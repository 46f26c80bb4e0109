"""Log-mel spectrogram: what an audio encoder sees of a sound.

The recipe of ResDAVEnet as used by MCN and "What, When, and Where?" (brian7685/Multimodal-
Clustering-Network, ``model_davenet.py`` at 17cf351, ``LoadAudio``; there with librosa): samples
less their mean, pre-emphasis, short-time Fourier transform with a symmetric Hamming window, power,
mel triangles of equal area on Slaney's scale, decibels below the loudest value, not under -80.

There are no options: an encoder is made for one spectrogram.
"""

import math
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

SAMPLE_RATE = 16_000
WINDOW = 400
"""Samples of one Fourier transform: 25 ms."""
HOP = 160
"""Samples from frame to frame: 10 ms."""
FRAMES_PER_SEC = SAMPLE_RATE // HOP
NUM_MELS = 40
FRAMES_PER_BLOCK = 6000
"""Frames transformed at a time: a minute, about 40 MB."""
LOWEST_HZ = 20.0
PRE_EMPHASIS = 0.97
FLOOR_DB = -80.0
"""Lowest level below the loudest, also that of silence."""
LEAST_POWER = 1e-10
SILENCE_DB = -100.0
"""``LEAST_POWER`` in decibels."""

# Slaney's mel scale: 66 2/3 Hz per mel up to 1000 Hz, from there 27 mels for a factor of 6.4.
LINEAR_HZ = 200 / 3
BREAK_HZ = 1000.0
BREAK_MEL = BREAK_HZ / LINEAR_HZ
LOG_STEP = math.log(6.4) / 27


def log_mel(samples: Tensor) -> Tensor:
    """Return the log-mel spectrogram of a sound: ``mel_levels`` below the loudest of them.

    Args:
        samples: Mono, ``SAMPLE_RATE`` per second, (S,), float.

    Returns:
        Levels in decibels, (NUM_MELS, S // HOP) float32, in [-80, 0].

    Raises:
        ValueError: If ``samples`` is not of shape (S,).
    """
    return below_loudest(mel_levels(samples))


def mel_levels(samples: Tensor) -> Tensor:
    """Return the level of each mel band over time, not yet relative to anything.

    Frame k is centred on sample ``k * HOP``; zeros lie before and behind the sound (librosa of the
    source's time mirrored it: the first and the last two frames differ).

    Args:
        samples: Mono, ``SAMPLE_RATE`` per second, (S,), float.

    Returns:
        Levels in decibels, (NUM_MELS, S // HOP) float32, >= -100 (power 1e-10).

    Raises:
        ValueError: If ``samples`` is not of shape (S,).
    """
    if samples.ndim != 1:
        raise ValueError(f'expected mono samples (S,), but got {tuple(samples.shape)}')
    num_frames = len(samples) // HOP
    if num_frames == 0:
        return samples.new_zeros(NUM_MELS, 0, dtype=torch.float32)
    mean = samples.float().mean()
    levels = [
        _block_levels(samples, mean, first, min(first + FRAMES_PER_BLOCK, num_frames))
        for first in range(0, num_frames, FRAMES_PER_BLOCK)
    ]
    return torch.cat(levels, dim=1)


def _block_levels(samples: Tensor, mean: Tensor, first: int, end: int) -> Tensor:
    """Return the levels of the frames from ``first`` to before ``end``, (NUM_MELS, end - first)."""
    reach = WINDOW // 2
    emphasised = _emphasised(samples, mean, first * HOP - reach, (end - 1) * HOP + reach)
    windows = emphasised.unfold(0, WINDOW, HOP)  # (N, WINDOW)
    taper = torch.hamming_window(WINDOW, periodic=False, device=samples.device)
    spectrum: Tensor = torch.fft.rfft(windows * taper)  # (N, WINDOW // 2 + 1)
    power = spectrum.abs().square()
    mels = mel_filters().to(samples.device) @ power.T
    return 10 * mels.clamp(min=LEAST_POWER).log10()


def _emphasised(samples: Tensor, mean: Tensor, begin: int, end: int) -> Tensor:
    """Return a part of the sound, less its mean, after pre-emphasis; zeros lie around the sound."""
    start = max(begin, 0)
    centred = samples[max(start - 1, 0) : end].float() - mean
    if start == 0:  # the first sample has none before it
        centred = F.pad(centred, (1, 0))
    emphasised = centred[1:] - PRE_EMPHASIS * centred[:-1]
    return F.pad(emphasised, (start - begin, max(end - len(samples), 0)))


def below_loudest(levels: Tensor) -> Tensor:
    """Return levels relative to the loudest one, not under the floor.

    They no longer tell loud from soft. Silence, with no level above -100 dB, is -80 dB throughout;
    librosa would make it 0, as loud as can be.

    Args:
        levels: From ``mel_levels``, (NUM_MELS, N).

    Returns:
        Levels in decibels, (NUM_MELS, N), in [-80, 0].
    """
    if levels.numel() == 0:
        return levels
    loudest = levels.max()
    if not loudest > SILENCE_DB:
        return torch.full_like(levels, FLOOR_DB)
    return (levels - loudest).clamp(min=FLOOR_DB)


@lru_cache(maxsize=1)
def mel_filters() -> Tensor:
    """Return the weight of each Fourier bin in each mel band, (NUM_MELS, WINDOW // 2 + 1) float32.

    Band m is a triangle over the frequencies of points m, m + 1 and m + 2 of NUM_MELS + 2 points,
    evenly spaced in mels from 20 Hz to 8 kHz; its area over Hz is 1.
    """
    highest_hz = SAMPLE_RATE / 2
    low, high = _hz_to_mel(LOWEST_HZ), _hz_to_mel(highest_hz)
    points = _mel_to_hz(torch.linspace(low, high, NUM_MELS + 2, dtype=torch.float64))
    bins_hz = torch.linspace(0, highest_hz, WINDOW // 2 + 1, dtype=torch.float64)
    left, middle, right = points[:-2, None], points[1:-1, None], points[2:, None]
    rising = (bins_hz - left) / (middle - left)
    falling = (right - bins_hz) / (right - middle)
    triangles = torch.minimum(rising, falling).clamp(min=0)
    return (triangles * 2 / (right - left)).float()


def _hz_to_mel(hz: float) -> float:
    if hz < BREAK_HZ:
        return hz / LINEAR_HZ
    return BREAK_MEL + math.log(hz / BREAK_HZ) / LOG_STEP


def _mel_to_hz(mel: Tensor) -> Tensor:
    above = BREAK_HZ * ((mel - BREAK_MEL) * LOG_STEP).exp()
    return torch.where(mel < BREAK_MEL, mel * LINEAR_HZ, above)
