"""The spectrogram against a direct transform with triangles drawn by hand, and on known sounds."""

import cmath
import math

import pytest
import torch

import stgr.ops.log_mel as log_mel_module
from stgr.ops.log_mel import (
    FLOOR_DB,
    NUM_MELS,
    SAMPLE_RATE,
    below_loudest,
    log_mel,
    mel_filters,
    mel_levels,
)


def tone(hz, seconds=0.2, amplitude=0.5):
    time = torch.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return amplitude * torch.sin(2 * math.pi * hz * time)


def mel_points_hz():
    """42 frequencies, evenly spaced in Slaney's mels from 20 to 8000 Hz."""
    low, high = 20 / (200 / 3), 15 + 27 * math.log(8) / math.log(6.4)
    mels = [low + (high - low) * k / 41 for k in range(42)]
    return [m * 200 / 3 if m < 15 else 1000 * 6.4 ** ((m - 15) / 27) for m in mels]


def slow_levels(samples, frame):
    """One frame of ``mel_levels`` in plain Python."""
    mean = sum(samples) / len(samples)
    y = [s - mean for s in samples]
    y = [y[0]] + [y[k] - 0.97 * y[k - 1] for k in range(1, len(y))]
    window = []
    for n in range(400):
        at = frame * 160 - 200 + n
        hamming = 0.54 - 0.46 * math.cos(2 * math.pi * n / 399)
        window.append(hamming * (y[at] if 0 <= at < len(y) else 0.0))
    power = []
    for k in range(201):
        turned = (x * cmath.exp(-2j * math.pi * k * n / 400) for n, x in enumerate(window))
        power.append(abs(sum(turned)) ** 2)
    points, levels = mel_points_hz(), []
    for left, middle, right in zip(points, points[1:], points[2:], strict=False):
        total = 0.0
        for k in range(201):
            hz = 40 * k
            if left < hz <= middle:
                total += power[k] * (hz - left) / (middle - left) * 2 / (right - left)
            elif middle < hz < right:
                total += power[k] * (right - hz) / (right - middle) * 2 / (right - left)
        levels.append(10 * math.log10(max(total, 1e-10)))
    return levels


@pytest.mark.parametrize('frame', [0, 1, 4, 7])
def test_levels_equal_a_direct_transform_and_triangles_by_hand(frame):
    samples = 0.3 * torch.randn(1280, generator=torch.Generator().manual_seed(0)) + 0.2

    found = mel_levels(samples)

    assert found.shape == (NUM_MELS, 8)
    expected = slow_levels(samples.tolist(), frame)
    torch.testing.assert_close(found[:, frame], torch.tensor(expected), atol=1e-3, rtol=0)


@pytest.mark.parametrize('length', [1280, 1281, 1439, 1600])
@pytest.mark.parametrize('frames', [1, 3, 8])
def test_blocks_make_no_difference(length, frames, monkeypatch):
    samples = 0.3 * torch.randn(length, generator=torch.Generator().manual_seed(0)) + 0.2
    whole = mel_levels(samples)

    monkeypatch.setattr(log_mel_module, 'FRAMES_PER_BLOCK', frames)

    torch.testing.assert_close(mel_levels(samples), whole)


def test_what_is_transformed_at_a_time_does_not_grow_with_the_sound(monkeypatch):
    sizes, transform = [], torch.fft.rfft

    def note(windows):
        sizes.append(len(windows))
        return transform(windows)

    monkeypatch.setattr(torch.fft, 'rfft', note)
    levels = mel_levels(torch.zeros(160 * 13_000))

    assert levels.shape == (NUM_MELS, 13_000)
    assert sizes == [6000, 6000, 1000]


def test_mel_band_is_a_triangle_of_area_one():
    wide = mel_filters()[-10:]  # triangles over many bins of 40 Hz

    torch.testing.assert_close(wide.sum(dim=1) * 40, torch.ones(10), atol=0.01, rtol=0)


@pytest.mark.parametrize('hz', [300, 440, 1000, 2500, 6000])
def test_a_tone_lands_in_the_band_around_its_frequency(hz):
    points = mel_points_hz()

    loudest = log_mel(tone(hz))[:, 5:15].mean(dim=1).argmax().item()

    middles = points[1:-1]
    assert loudest == min(range(NUM_MELS), key=lambda m: abs(middles[m] - hz))


def test_levels_are_relative_to_the_loudest_and_end_80_db_below_it():
    sound = torch.cat([tone(440), tone(440, amplitude=0.0005), torch.zeros(3200)])

    found = log_mel(sound)

    assert found.max() == 0
    assert found[:, 50:].max() == FLOOR_DB == found.min()
    # A thousandth of the amplitude is 60 dB less.
    assert found[:, 25:35].max().item() == pytest.approx(-60, abs=0.1)


def test_volume_and_a_constant_offset_change_nothing():
    sound = tone(700) + 0.1 * torch.randn(3200, generator=torch.Generator().manual_seed(0))

    torch.testing.assert_close(log_mel(0.1 * sound + 0.3), log_mel(sound), atol=1e-2, rtol=0)


@pytest.mark.parametrize('level', [0.0, 0.25])
def test_silence_is_the_floor_throughout(level):
    assert (log_mel(torch.full((1600,), level)) == FLOOR_DB).all()


@pytest.mark.parametrize(('seconds', 'frames'), [(10, 1000), (10.24, 1024), (0.009, 0), (0, 0)])
def test_there_are_100_whole_frames_per_second(seconds, frames):
    assert log_mel(torch.zeros(round(seconds * SAMPLE_RATE))).shape == (NUM_MELS, frames)


def test_stereo_is_refused():
    with pytest.raises(ValueError, match=r'mono samples \(S,\), but got \(2, 1600\)'):
        log_mel(torch.zeros(2, 1600))


def test_levels_below_the_loudest_by_hand():
    found = below_loudest(torch.tensor([[-10.0, -95.0], [-40.0, 5.0]]))

    assert found.tolist() == [[-15, -80], [-45, 0]]
