"""Pictures of validation videos: which moments, what is drawn, where it goes and what it costs."""

import logging
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from mmengine.visualization import LocalVisBackend, Visualizer

from stgr.engine import HeatMapPanelHook
from stgr.structures.grounding_sample import GroundingSample

COUNT = 6  # frames half a second apart


def sample_of(video, **fields):
    """A video of 64 x 48 pixels: 'cut' from frame 2 on, whose box is known from frame 4 on."""
    heat = torch.full((COUNT, 3, 4), 0.01)
    heat[:, 2, 3] = 1.0  # hot in the lower right corner
    boxes = torch.zeros(COUNT, 4)
    boxes[4:] = torch.tensor([16.0, 12.0, 48.0, 36.0])
    known = {
        'video_id': 'a b/c',
        'video_path': str(video),
        'pool': ['cut', 'stir'],
        'frame_times_sec': torch.arange(COUNT) / 2,
        'gt_labels': torch.tensor([-1, -1, 0, 0, 0, 0]),
        'gt_boxes_px': boxes,
        'frame_size': (64, 48),
        'pred_labels': torch.tensor([-1, -1, -1, 1, 1, -1]),
        'heatmaps': heat,
        'gt_heatmaps': heat,
    }
    return GroundingSample(**{**known, **fields})


@pytest.fixture
def runner(tmp_path):
    visualizer = Visualizer(vis_backends=[LocalVisBackend(str(tmp_path))])
    return SimpleNamespace(visualizer=visualizer, logger=logging.getLogger('panels'), iter=7)


def validate(hook, runner, samples):
    hook.before_val_epoch(runner)
    for i, sample in enumerate(samples):
        hook.after_val_iter(runner, i, None, [sample])


def pictures(tmp_path):
    return sorted(path.name for path in (tmp_path / 'vis_image').glob('*'))


@pytest.mark.parametrize(
    ('dropped', 'num_frames', 'expected'),
    [
        ((), 9, [4, 5]),  # those with a box
        (('gt_boxes_px',), 9, [2, 3, 4, 5]),  # those with an action
        (('gt_boxes_px', 'gt_labels'), 3, [0, 2, 5]),  # of all, evenly; halves to the even one
        (('gt_boxes_px',), 2, [2, 5]),
        (('gt_boxes_px',), 1, [2]),
    ],
)
def test_moments_are_those_with_most_truth(dropped, num_frames, expected):
    sample = sample_of('x.mp4')
    for name in dropped:
        delattr(sample, name)

    assert HeatMapPanelHook(num_frames=num_frames).moments(sample).tolist() == expected


def test_answer_stands_left_and_truth_right(tiny_video, runner, tmp_path):
    validate(HeatMapPanelHook(), runner, [sample_of(tiny_video)])

    assert pictures(tmp_path) == ['heat_maps_a_b_c_7.png']
    panel = cv2.imread(str(tmp_path / 'vis_image' / 'heat_maps_a_b_c_7.png'))[..., ::-1]
    assert panel.shape == (2 * 240 + 4, 2 * 320 + 4, 3)  # moments 4 and 5, five times as large
    answer, truth = panel[:240, :320].astype(int), panel[:240, 324:].astype(int)
    empty = panel[244:, :320].astype(int)  # at moment 5 the model says nothing
    for x in (80, 239):  # the sides of the true box, 16 to 48, times five
        assert truth[120, x].tolist() == pytest.approx([0, 158, 115], abs=2)
        assert answer[120, x].tolist() != pytest.approx([0, 158, 115], abs=30)
    # Heat is added in the lower right only: there the answer differs from the bare frame.
    assert np.abs(answer[225:235, 300:310] - empty[225:235, 300:310]).mean() > 20
    assert np.abs(answer[100:140, 20:60] - empty[100:140, 20:60]).mean() < 2


def test_each_row_has_the_map_the_place_and_the_name_of_its_own_frame(monkeypatch):
    drawn = []
    monkeypatch.setattr(
        'stgr.visualization.heat_panels.draw_panel', lambda *sides: drawn.extend(sides)
    )
    heat = torch.full((COUNT, 3, 4), 0.01)
    for frame in range(COUNT):
        heat[frame, frame % 3, frame % 4] = 1.0  # another cell in each
    boxes = torch.zeros(COUNT, 4)
    boxes[4], boxes[5] = torch.tensor([16.0, 12.0, 48.0, 36.0]), torch.tensor([0.0, 0.0, 8.0, 9.0])
    sample = sample_of(
        'x.mp4', heatmaps=heat, gt_heatmaps=1 - heat, gt_boxes_px=boxes, frame_size=(128, 16),
        pred_labels=torch.tensor([0, 0, 0, 0, 0, 1]), gt_labels=torch.tensor([0, 0, 0, 0, 1, 0]),
    )  # fmt: skip

    HeatMapPanelHook().panel(sample, np.array([4, 5]), np.zeros((2, 48, 64, 3), np.uint8))

    _, answers, truths = drawn
    assert [side.label for side in answers] == ['cut', 'stir']
    assert [side.label for side in truths] == ['truth: stir', 'truth: cut']
    for row, frame in enumerate((4, 5)):
        np.testing.assert_array_equal(answers[row].heat, heat[frame].numpy())
        np.testing.assert_array_equal(truths[row].heat, (1 - heat[frame]).numpy())
        x, y = answers[row].point_px  # cells of 16 x 16 pixels
        assert (int(x // 16), int(y // 16)) == (frame % 4, frame % 3)
    # Annotated at 128 x 16, shown at 64 x 48.
    assert truths[0].box_px.tolist() == [8, 36, 24, 108]
    assert truths[1].box_px.tolist() == [0, 0, 4, 27]


def test_the_first_videos_are_drawn_every_other_time(tiny_video, runner, tmp_path):
    hook = HeatMapPanelHook(interval=2, num_videos=2)
    samples = [sample_of(tiny_video, video_id=name) for name in 'abc']
    found = []
    for validation in range(4):
        runner.iter = validation
        validate(hook, runner, samples)
        found.append(pictures(tmp_path))

    assert found[0] == ['heat_maps_a_0.png', 'heat_maps_b_0.png']
    assert found[1] == found[0]
    assert found[2] == sorted([*found[0], 'heat_maps_a_2.png', 'heat_maps_b_2.png'])
    assert found[3] == found[2]


@pytest.mark.parametrize('why', ['no backend', 'another rank'])
def test_nothing_is_decoded_where_nothing_is_kept(why, runner, tmp_path, monkeypatch):
    if why == 'no backend':
        runner.visualizer = Visualizer(name='empty')
    else:
        monkeypatch.setattr('stgr.engine.heat_map_panel_hook.is_main_process', lambda: False)
    monkeypatch.setattr('stgr.io.open_video', lambda path: pytest.fail('was decoded'))

    validate(HeatMapPanelHook(), runner, [sample_of('missing.mp4')])

    assert pictures(tmp_path) == []


def test_a_video_that_cannot_be_read_costs_its_picture_only(tiny_video, runner, tmp_path, caplog):
    samples = [
        sample_of(tmp_path / 'missing.mp4', video_id='a'),
        sample_of(tiny_video, video_id='b'),
        sample_of(tiny_video, video_id='c'),
    ]
    del samples[1].video_path
    validate(HeatMapPanelHook(num_videos=3), runner, samples)

    assert pictures(tmp_path) == ['heat_maps_c_7.png']
    assert 'missing.mp4' in caplog.text
    assert 'b: no video to draw heat maps on' in caplog.text


def test_truth_that_is_not_known_is_not_drawn(tiny_video, runner, tmp_path):
    sample = sample_of(tiny_video)
    for name in ('gt_labels', 'gt_boxes_px', 'gt_heatmaps'):
        delattr(sample, name)
    validate(HeatMapPanelHook(num_frames=2), runner, [sample])

    assert pictures(tmp_path) == ['heat_maps_a_b_c_7.png']


@pytest.mark.parametrize('name', ['interval', 'num_videos', 'num_frames'])
def test_numbers_below_one_are_refused(name):
    with pytest.raises(ValueError, match=f'{name} must be at least 1, but is 0'):
        HeatMapPanelHook(**{name: 0})


def test_tensorboard_has_the_picture_at_its_step(tiny_video, runner, tmp_path):
    pytest.importorskip('tensorboard')
    from mmengine.visualization import TensorboardVisBackend
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    backend = TensorboardVisBackend(str(tmp_path))
    runner.visualizer = Visualizer(name='tensorboard', vis_backends=[backend])
    validate(HeatMapPanelHook(), runner, [sample_of(tiny_video)])
    backend.close()

    events = EventAccumulator(str(tmp_path))
    events.Reload()
    (image,) = events.Images('heat_maps_a_b_c')
    assert (image.step, image.width, image.height) == (7, 644, 484)
