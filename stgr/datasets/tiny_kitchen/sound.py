"""The sound track: each verb has a rhythm and a pitch, speech is a soft murmur."""

import numpy as np

from stgr.datasets.tiny_kitchen.timeline import Script, Segment
from stgr.datasets.tiny_kitchen.vocabulary import VERBS

SAMPLE_RATE = 16_000


def synthesise(script: Script) -> np.ndarray:
    """Return the mono sound track of a video, (samples,) float32 in [-1, 1]."""
    n_samples = round(script.n_frames / script.rate * SAMPLE_RATE)
    rng = np.random.default_rng(script.segments[0].seed)
    track = 0.01 * rng.standard_normal(n_samples).astype(np.float32)
    for segment in script.segments:
        if segment.step is not None:
            _add(track, segment.start_sec, _tones(segment.step.verb.name, segment))
    for said in script.narrations:
        _add(track, said.start_sec, _murmur(rng, said.end_sec - said.start_sec))
    return np.clip(track, -1, 1)


def _tones(verb: str, segment: Segment) -> np.ndarray:
    """Return a pulsed tone whose pitch and pulse rate tell the verb."""
    index = [v.name for v in VERBS].index(verb)
    time = np.arange(int((segment.end_sec - segment.start_sec) * SAMPLE_RATE)) / SAMPLE_RATE
    pitch_hz = 220 * 2 ** (index / 3)
    pulse_hz = 1 + 0.5 * (index % 4)
    envelope = np.maximum(0, np.sin(2 * np.pi * pulse_hz * time)) ** 4
    return (0.25 * envelope * np.sin(2 * np.pi * pitch_hz * time)).astype(np.float32)


def _murmur(rng: np.random.Generator, duration_sec: float) -> np.ndarray:
    """Return syllable-like bursts of a low voice."""
    time = np.arange(int(duration_sec * SAMPLE_RATE)) / SAMPLE_RATE
    voice = sum(np.sin(2 * np.pi * 120 * k * time) / k for k in (1, 2, 3, 5))
    syllables = np.maximum(0, np.sin(2 * np.pi * rng.uniform(3, 5) * time))
    return (0.08 * syllables * voice).astype(np.float32)


def _add(track: np.ndarray, start_sec: float, sound: np.ndarray) -> None:
    start = int(start_sec * SAMPLE_RATE)
    sound = sound[: max(0, len(track) - start)]
    track[start : start + len(sound)] += sound
