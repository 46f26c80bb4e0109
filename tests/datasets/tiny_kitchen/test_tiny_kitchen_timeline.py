import itertools
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from stgr.datasets.tiny_kitchen import timeline
from stgr.datasets.tiny_kitchen.timeline import write_script
from stgr.datasets.tiny_kitchen.vocabulary import HELD_OUT_STEPS, STEPS

HELD_OUT = {step.name for step in HELD_OUT_STEPS}
MANY = 300


def scripts_of(split, *, seed=0):
    return [write_script(seed, split, index) for index in range(MANY)]


def step_names(scripts):
    return [segment.step.name for script in scripts for segment in script.segments if segment.step]


def test_a_script_is_the_same_at_every_call(short_videos):
    first, again = (write_script(2, 'val', 7) for _ in range(2))

    assert replace(first, palette={}) == replace(again, palette={})
    assert first.palette.keys() == again.palette.keys()
    for name, colours in first.palette.items():
        np.testing.assert_array_equal(colours, again.palette[name])


@pytest.mark.parametrize('other', [(3, 'val', 7), (2, 'test', 7), (2, 'val', 8)])
def test_another_seed_split_or_index_is_another_video(cheap_scripts, other):
    script, different = write_script(2, 'val', 7), write_script(*other)

    assert script.video_id != different.video_id
    assert [s.end_sec for s in script.segments] != [s.end_sec for s in different.segments]
    assert not np.array_equal(script.palette['egg'], different.palette['egg'])


def test_training_never_holds_a_step_kept_for_testing(cheap_scripts):
    names = step_names(scripts_of('train'))

    assert not HELD_OUT & set(names)
    assert len(set(names)) == len(STEPS) - len(HELD_OUT_STEPS)  # all others occur


@pytest.mark.parametrize('split', ['val', 'test'])
def test_a_fifth_of_the_other_splits_are_steps_never_trained_on(cheap_scripts, split):
    names = step_names(scripts_of(split))

    share = np.mean([name in HELD_OUT for name in names])
    assert share == pytest.approx(0.2, abs=0.03)  # 3.5 standard errors
    assert set(names) == {step.name for step in STEPS}


def test_videos_last_30_to_180_seconds_with_3_to_12_actions(cheap_scripts):
    scripts = scripts_of('train')

    durations_sec = [float(script.n_frames / script.rate) for script in scripts]
    assert min(durations_sec) > 29.8  # ends are rounded to whole frames
    assert max(durations_sec) <= 180
    assert {sum(s.step is not None for s in script.segments) for script in scripts} == set(
        range(3, 13)
    )


def test_segments_alternate_without_gaps_and_begin_and_end_in_background(cheap_scripts):
    for script in scripts_of('test')[:100]:
        segments = script.segments
        assert segments[0].start_sec == 0
        assert all(a.end_sec == b.start_sec for a, b in itertools.pairwise(segments))
        assert all(segment.end_sec > segment.start_sec for segment in segments)
        assert [s.step is not None for s in segments] == [i % 2 == 1 for i in range(len(segments))]
        assert all((s.kind == 'action') == (s.step is not None) for s in segments)


def test_all_frame_sizes_rates_and_backgrounds_occur_about_equally_often(cheap_scripts):
    scripts = scripts_of('train')

    for values in (
        [script.size for script in scripts],
        [script.rate for script in scripts],
        [segment.kind for script in scripts for segment in script.segments[::2]],
    ):
        shares = np.array(list(Counter(values).values())) / len(values)
        np.testing.assert_allclose(shares, 1 / len(shares), atol=0.1)
    assert len({width / height for width, height in (script.size for script in scripts)}) == 4


def test_narrations_lie_in_the_video_in_order_of_time(cheap_scripts):
    for script in scripts_of('test')[:100]:
        end = script.segments[-1].end_sec
        starts = [said.start_sec for said in script.narrations]
        assert starts == sorted(starts)
        assert all(0 <= said.start_sec < said.end_sec <= end + 0.01 for said in script.narrations)


def test_nine_in_ten_actions_are_spoken_of_seconds_before_or_after(cheap_scripts, monkeypatch):
    monkeypatch.setattr(timeline, 'narrate', lambda rng, step: step.name)
    monkeypatch.setattr(timeline, 'small_talk', lambda rng: '')
    scripts = scripts_of('train')

    once = [
        (script, segment)
        for script in scripts
        for segment in script.segments
        if segment.step and step_names([script]).count(segment.step.name) == 1
    ]
    offsets_sec = [
        (said.start_sec + said.end_sec - segment.start_sec - segment.end_sec) / 2
        for script, segment in once
        for said in script.narrations
        if said.text == segment.step.name
    ]
    assert len(offsets_sec) / len(once) == pytest.approx(0.9, abs=0.025)
    assert np.std(offsets_sec) == pytest.approx(2.4, abs=0.2)  # 2.5, clipped at 6
    assert np.mean(offsets_sec) == pytest.approx(0, abs=0.2)
    assert np.abs(offsets_sec).max() < 6.01


def test_a_third_of_the_pauses_hold_small_talk(cheap_scripts, monkeypatch):
    monkeypatch.setattr(timeline, 'small_talk', lambda rng: '')
    scripts = scripts_of('train')

    talk = sum(said.text == '' for script in scripts for said in script.narrations)
    pauses = sum(len(script.segments[::2]) for script in scripts)
    assert talk / pauses == pytest.approx(0.35, abs=0.035)


def test_clean_captions_name_the_step_of_their_segment(cheap_scripts):
    for script in scripts_of('val')[:100]:
        for segment, said in zip(script.segments, script.captions, strict=True):
            assert (said.start_sec, said.end_sec) == (segment.start_sec, segment.end_sec)
            if segment.step:
                assert segment.step.noun in said.text


def test_the_most_frequent_step_of_the_narrations_is_a_poor_guess(cheap_scripts):
    guess = Counter(step_names(scripts_of('train'))).most_common(1)[0][0]

    names = step_names(scripts_of('test'))
    assert names.count(guess) / len(names) < 0.03  # 100 steps
