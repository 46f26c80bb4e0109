import json
import math
from dataclasses import replace

import numpy as np
import pytest

from stgr.datasets.tiny_kitchen.annotations import tight_box
from stgr.datasets.tiny_kitchen.captioned_frames import FRAME_SIZES
from stgr.datasets.tiny_kitchen.layout import random_shot
from stgr.datasets.tiny_kitchen.scene import action_box, render
from stgr.datasets.tiny_kitchen.vocabulary import STEPS
from stgr.io import open_video


def changed_box(shot, time_sec):
    """Box around the pixels that differ from the same shot without its action."""
    empty = render(replace(shot, action=None), time_sec)
    differs = np.abs(render(shot, time_sec).astype(int) - empty).max(axis=2) > 8
    ys, xs = np.nonzero(differs)
    return np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1])


def action_shot(number):
    rng = np.random.default_rng([7, number])
    size = FRAME_SIZES[number % len(FRAME_SIZES)]
    return random_shot(rng, size, step=STEPS[number * 7 % len(STEPS)])[0], rng.uniform(0, 10)


@pytest.mark.parametrize('number', range(16))
def test_boxes_fit_the_pixels_that_the_action_changes(number):
    shot, time_sec = action_shot(number)

    gap = (changed_box(shot, time_sec) - tight_box(shot, time_sec)) * [1, 1, -1, -1]
    assert gap.min() >= -1, 'the action lies inside its box'
    assert gap.max() <= 2, 'the box is tight'


@pytest.mark.parametrize('number', range(8))
def test_the_box_of_the_turned_sprites_holds_the_tight_box(number):
    shot, time_sec = action_shot(number)

    gap = np.subtract(tight_box(shot, time_sec), action_box(shot, time_sec)) * [1, 1, -1, -1]
    assert gap.min() >= -1  # one is for a camera that moves by whole pixels


def test_an_action_that_leaves_the_frame_is_boxed_where_it_is_seen():
    shot, _ = action_shot(0)
    shot.action.target.x = shot.action.tool.x = 0.02
    shot.action.target.angle = shot.action.tool.angle = 0.7

    box = tight_box(shot, 0.0)
    assert box[0] == 0
    assert np.abs(changed_box(shot, 0.0) - box).max() <= 1


def box_annotations(world):
    for path in world.glob('*/box_anno.json'):
        yield from json.loads(path.read_text()).items()


def shot_at(script, time_sec):
    """The shot on the screen at a time, found by going through the segments."""
    for segment in script.segments:
        if segment.start_sec <= time_sec < segment.end_sec:
            return segment, segment.shot(script.size, script.palette)[0]
    raise AssertionError(f'nothing happens at {time_sec} s')


def test_annotated_boxes_fit_the_frame_shown_at_their_second(world, scripts):
    for video_id, rows in box_annotations(world):
        script = scripts[video_id]
        for row in rows[::4]:
            shown_sec = math.floor(row['second'] * script.rate) / float(script.rate)
            segment, shot = shot_at(script, shown_sec)
            assert row['step_name'] == segment.step.name
            assert np.abs(changed_box(shot, shown_sec) - row['box']).max() <= 2


def test_a_second_has_a_box_if_and_only_if_an_action_is_on_the_screen(world, scripts):
    for video_id, rows in box_annotations(world):
        script = scripts[video_id]
        labels = {row['second']: row['step_name'] for row in rows}
        assert len(labels) == len(rows)
        for second in range(math.ceil(script.n_frames / script.rate)):
            frame = max(k for k in range(script.n_frames) if k / script.rate <= second)
            shown_sec = float(frame / script.rate)
            step = next(s.step for s in script.segments if s.start_sec <= shown_sec < s.end_sec)
            assert labels.get(second) == (step.name if step else None)


def test_segments_are_the_runs_of_boxed_seconds(world):
    for folder in (world / 'train', world / 'val', world / 'test'):
        boxes = json.loads((folder / 'box_anno.json').read_text())
        pools = json.loads((folder / 'vid2step.json').read_text())
        for video_id, steps in json.loads((folder / 'seg.json').read_text()).items():
            spelt = [
                (second, row['sentence'].replace('_', ' '))
                for row in steps
                for second in range(row['segment'][0], row['segment'][1] + 1)
            ]
            assert spelt == [(row['second'], row['step_name']) for row in boxes[video_id]]
            assert [row['id'] for row in steps] == list(range(len(steps)))
            assert pools[video_id][-1] == 'background'
            assert set(pools[video_id][:-1]) == {name for _, name in spelt}


def test_the_video_shows_at_each_second_what_the_script_says(world, scripts):
    for path in world.rglob('*.mp4'):
        script = scripts[path.stem]
        seconds = range(0, math.ceil(script.n_frames / script.rate), 2)
        with open_video(path) as video:
            assert (video.facts().width, video.facts().height) == script.size
            frames = video.read_at(np.array(seconds, dtype=float))
        for second, frame in zip(seconds, frames, strict=True):
            shown_sec = math.floor(second * script.rate) / float(script.rate)
            assert psnr(frame, render(shot_at(script, shown_sec)[1], shown_sec)) > 24, path


def test_the_frame_shown_at_a_second_is_the_one_boxed_and_not_a_neighbour(world, scripts):
    right = []
    for path in world.glob('t*/videos/*.mp4'):
        script = scripts[path.stem]
        boxes = json.loads((path.parents[1] / 'box_anno.json').read_text())[path.stem]
        seconds = [row['second'] for row in boxes][::3]
        with open_video(path) as video:
            frames = video.read_at(np.array(seconds, dtype=float))
        for second, frame in zip(seconds, frames, strict=True):
            first = math.floor(second * script.rate)
            shot = shot_at(script, first / float(script.rate))[1]
            near = [render(shot, (first + k) / float(script.rate)) for k in (-1, 0, 1)]
            right.append(np.argmax([psnr(frame, picture) for picture in near]) == 1)
    assert len(right) > 8
    assert np.mean(right) > 0.9  # a tool at a turning point looks the same for three frames


def psnr(frame, truth):
    """Peak signal-to-noise ratio in dB."""
    return 10 * np.log10(255**2 / np.mean((frame.astype(float) - truth) ** 2))
