import numpy as np
import pytest

from stgr.datasets.tiny_kitchen import TinyKitchenFrames
from stgr.datasets.tiny_kitchen.captioned_frames import _cut_out
from stgr.datasets.tiny_kitchen.vocabulary import HELD_OUT_STEPS, SEEN_STEPS, gerund
from stgr.registry import DATASETS


def test_picture_i_of_a_seed_is_always_the_same():
    items = [TinyKitchenFrames(100, seed=3, image_size=32)[index] for index in (4, 60)]
    dataset = TinyKitchenFrames(100, seed=3, image_size=32)
    again = [dataset[index] for index in (60, 4)][::-1]

    for item, repeated in zip(items, again, strict=True):
        np.testing.assert_array_equal(item['image'], repeated['image'])
        assert (item['caption'], item['step']) == (repeated['caption'], repeated['step'])


def test_other_seeds_and_indices_are_other_pictures():
    pictures = [
        TinyKitchenFrames(100, seed=seed, image_size=32)[index]['image']
        for seed, index in ((3, 4), (4, 3), (3, 5))
    ]

    for i, picture in enumerate(pictures):
        assert not any(np.array_equal(picture, other) for other in pictures[:i])


def test_pictures_are_square_rgb_of_the_size_asked_for():
    dataset = DATASETS.build({'type': 'TinyKitchenFrames', 'length': 4, 'image_size': 40})

    assert len(dataset) == 4
    for index in range(4):
        assert dataset[index]['image'].shape == (40, 40, 3)
        assert dataset[index]['image'].dtype == np.uint8


def test_only_steps_that_are_not_held_out_are_shown():
    dataset = TinyKitchenFrames(60, shares=(0, 1, 0), image_size=16)
    names = {dataset[index]['step'] for index in range(60)}

    assert set(dataset.steps) == set(SEEN_STEPS)
    assert names <= {step.name for step in SEEN_STEPS}
    assert not names & {step.name for step in HELD_OUT_STEPS}


def test_the_steps_asked_for_are_the_only_ones_and_held_out_ones_stay_out():
    held_out = HELD_OUT_STEPS[0].name
    asked = (SEEN_STEPS[0].name, SEEN_STEPS[40].name, held_out)
    dataset = TinyKitchenFrames(20, shares=(0, 1, 0), image_size=16, steps=asked)

    assert {dataset[index]['step'] for index in range(20)} == set(asked) - {held_out}


def test_captions_name_the_step_they_show():
    dataset = TinyKitchenFrames(30, shares=(0, 1, 0), image_size=16)

    for index in range(30):
        item = dataset[index]
        verb, noun = item['step'].split()
        assert noun in item['caption']
        forms = {verb, gerund(verb), f'{verb}s', f'{verb}es'}
        assert forms & set(item['caption'].split())


def test_the_curriculum_begins_with_close_ups_and_ends_with_actions():
    dataset = TinyKitchenFrames(10_000, image_size=16, first_shares=(1, 0, 0), shares=(0, 1, 0))
    shown = [[bool(dataset[i + k]['step']) for k in range(30)] for i in (0, 4985, 9970)]

    assert sum(shown[0]) == 0
    assert 5 <= sum(shown[1]) <= 25  # half way, half of them
    assert sum(shown[2]) == 30


def test_without_a_curriculum_the_shares_hold_throughout():
    dataset = TinyKitchenFrames(1000, image_size=16, shares=(0, 0, 1))

    background = ('a person', 'a table', 'an almost')
    for index in (0, 1, 500, 998, 999):
        assert dataset[index]['step'] == ''
        assert dataset[index]['caption'].startswith(background)


@pytest.mark.parametrize(
    'box',
    [
        (10, 20, 40, 50),
        (0, 0, 3, 3),  # a corner
        (90, 70, 100, 80),  # the other corner
        (0, 5, 100, 75),  # nearly everything
    ],
)
def test_cut_outs_hold_the_whole_box_and_half_of_each_side(box):
    ys, xs = np.mgrid[:80, :100]
    image = np.stack([xs, ys, xs], axis=2).astype(np.uint8)

    for seed in range(50):
        part = _cut_out(np.random.default_rng(seed), image, box)
        left, top = part[0, 0, :2]
        right, bottom = part[-1, -1, :2] + 1
        assert left <= box[0] < box[2] <= right
        assert top <= box[1] < box[3] <= bottom
        assert right - left >= 50
        assert bottom - top >= 40


def colour_histogram(image):
    """Shares of 4 x 4 x 4 colours, (64,)."""
    bins = (image // 64).reshape(-1, 3) @ [16, 4, 1]
    return np.bincount(bins, minlength=64) / len(bins)


@pytest.mark.slow
def test_colours_do_not_tell_the_step():
    train, test = (
        [dataset[index] for index in range(len(dataset))]
        for dataset in (
            TinyKitchenFrames(600, seed=11, shares=(0, 1, 0)),
            TinyKitchenFrames(200, seed=12, shares=(0, 1, 0)),
        )
    )
    labels = np.array([item['step'] for item in train])
    features = np.stack([colour_histogram(item['image']) for item in train])
    names = np.unique(labels)
    centroids = np.stack([features[labels == name].mean(axis=0) for name in names])

    right = [
        names[np.linalg.norm(centroids - colour_histogram(item['image']), axis=1).argmin()]
        == item['step']
        for item in test
    ]
    assert np.mean(right) < 0.04  # chance is 0.01
