from dataclasses import replace

import av
import numpy as np
import pytest

from stgr.datasets.tiny_kitchen.sound import SAMPLE_RATE, synthesise
from stgr.datasets.tiny_kitchen.timeline import Segment
from stgr.datasets.tiny_kitchen.vocabulary import STEPS, VERBS


def loudness(track, rate, segment):
    """Root mean square of a segment, without its borders."""
    part = track[int((segment.start_sec + 0.1) * rate) : int((segment.end_sec - 0.1) * rate)]
    return float(np.sqrt(np.mean(part**2)))


def quiet(script):
    return replace(script, narrations=())


def test_the_track_is_as_long_as_the_pictures_and_does_not_clip(scripts):
    for script in scripts.values():
        track = synthesise(script)
        assert track.dtype == np.float32
        assert len(track) == round(float(script.n_frames / script.rate) * SAMPLE_RATE)
        assert np.abs(track).max() < 1


def test_the_track_is_the_same_at_every_call(scripts):
    script = next(iter(scripts.values()))

    np.testing.assert_array_equal(synthesise(script), synthesise(script))


def test_actions_are_louder_than_what_lies_between(scripts):
    for script in scripts.values():
        track = synthesise(quiet(script))
        levels = [loudness(track, SAMPLE_RATE, segment) for segment in script.segments]
        assert min(levels[1::2]) > 4 * max(levels[::2])


def test_speech_is_heard_where_it_is_said(scripts):
    script = next(script for script in scripts.values() if script.narrations)
    speech = synthesise(script) - synthesise(quiet(script))

    said = np.zeros(len(speech), bool)
    for row in script.narrations:
        said[int(row.start_sec * SAMPLE_RATE) : int(row.end_sec * SAMPLE_RATE) + 1] = True
    assert np.abs(speech[~said]).max() < 1e-6
    assert np.sqrt(np.mean(speech[said] ** 2)) > 0.02


def pitch_hz(script, verb):
    """Strongest frequency of an action with a verb that lasts four seconds."""
    step = next(step for step in STEPS if step.verb is verb)
    alone = Segment(0.0, 4.0, 'action', step, (1,))
    track = synthesise(replace(quiet(script), segments=(alone,)))
    spectrum = np.abs(np.fft.rfft(track * np.hanning(len(track))))
    return np.fft.rfftfreq(len(track), 1 / SAMPLE_RATE)[spectrum.argmax()]


def test_each_verb_has_a_pitch_of_its_own_a_third_of_an_octave_apart(scripts):
    script = next(iter(scripts.values()))
    pitches = [pitch_hz(script, verb) for verb in VERBS]

    expected = [220 * 2 ** (index / 3) for index in range(len(VERBS))]
    assert pitches == pytest.approx(expected, abs=1)


def test_the_actions_are_heard_in_the_file_at_their_times(world, scripts):
    path = next((world / 'test').rglob('*.mp4'))
    script = scripts[path.stem]
    with av.open(str(path)) as container:
        rate = container.streams.audio[0].rate
        blocks = [frame.to_ndarray()[0] for frame in container.decode(audio=0)]
    track = np.concatenate(blocks)

    expected = synthesise(script)
    times = np.arange(0.25, len(expected) / SAMPLE_RATE - 0.25, 0.25)
    windows = [Segment(t - 0.25, t + 0.25, '', None, ()) for t in times]
    heard = [loudness(track, rate, window) for window in windows]
    meant = [loudness(expected, SAMPLE_RATE, window) for window in windows]
    assert len(track) / rate == pytest.approx(len(expected) / SAMPLE_RATE, abs=0.1)
    assert np.corrcoef(heard, meant)[0, 1] > 0.95
