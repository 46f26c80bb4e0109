"""Thresholds are chosen on validation videos, by scores that can be followed by hand."""

import logging
from types import SimpleNamespace

import pytest
import torch
from mmengine.runner import get_priority
from torch import nn

from stgr.engine import CrashSafeCheckpointHook
from stgr.engine.calibrate_thresholds_hook import CalibrateThresholdsHook, calibrate
from stgr.structures.grounding_sample import GroundingSample

NAMES = ['crack', 'pour']


class TableGrounder(nn.Module):
    """Frames are rows of a table: their similarity to each of NAMES."""

    def __init__(self):
        super().__init__()
        self.register_buffer('pool_threshold', torch.tensor(0.5))
        self.register_buffer('query_threshold', torch.tensor(0.5))
        self.seen_training = []

    def encode_text(self, names):
        return [NAMES.index(name) for name in names]

    def data_preprocessor(self, batch, training):
        return {'inputs': torch.stack(batch['inputs']['frame_features'])}

    def video_features(self, inputs):
        self.seen_training.append(self.training)
        return inputs

    def similarity(self, video, text):
        return video[0, :, text].T

    def scores_over_time(self, similarity, times_sec, *, exclusive):
        return similarity


def video(labels, pool, unasked=(), **similarity):
    table = torch.tensor([similarity[name] for name in NAMES]).T
    sample = GroundingSample(pool=pool, unasked=list(unasked), gt_labels=torch.tensor(labels))
    return {'inputs': {'frame_features': table}, 'data_samples': sample}


@pytest.fixture
def videos():
    return [
        video([0, 0, -1, -1], ['crack'], crack=[0.9, 0.8, 0.1, 0.2], pour=[0.3] * 4),
        video([-1, 0, 0, -1], ['pour'], crack=[0.4] * 4, pour=[0.1, 0.7, 0.6, 0.1]),
    ]


def test_one_video_is_held_at_a_time(videos):
    model = TableGrounder()
    alive = []

    def one_by_one():
        for packed in videos:
            assert len(model.seen_training) == len(alive)  # all before were encoded
            alive.append(packed)
            yield packed

    assert calibrate(model, one_by_one()) == calibrate(TableGrounder(), videos)


def test_pool_ignores_names_outside_it_but_queries_must_reject_them(videos):
    model = TableGrounder()

    found = calibrate(model, videos)

    # Pool: the worst right frame has 0.6, the best wrong one 0.2.
    assert 0.2 < found['pool_threshold'] <= 0.6
    assert found['pool_iou'] == 1
    # Alone, "crack" must also be rejected in the second video, where it reaches 0.4.
    assert 0.4 < found['query_threshold'] <= 0.6
    assert found['query_score'] == 1


def test_thresholds_are_set_in_the_model_and_its_mode_comes_back(videos):
    model = TableGrounder().train()

    found = calibrate(model, videos)

    assert float(model.pool_threshold) == pytest.approx(found['pool_threshold'])
    assert float(model.query_threshold) == pytest.approx(found['query_threshold'])
    assert model.training
    assert model.seen_training == [False, False]


def test_actions_outside_the_pool_count_as_background():
    model = TableGrounder()
    labels = [0, 1, -1, -1]
    videos = [
        video(labels, ['crack'], ['peel'], crack=[0.9, 0.5, 0.1, 0.1], pour=[0.2] * 4),
        video([0, -1, -1, -1], ['pour'], crack=[0.2] * 4, pour=[0.9, 0.1, 0.1, 0.1]),
    ]

    assert calibrate(model, videos)['pool_threshold'] > 0.5


def test_a_query_that_happens_unasked_need_not_be_rejected():
    crack = video([0, 1, -1, -1], ['crack'], ['pour'], crack=[0.9, 0, 0, 0], pour=[0, 0.7, 0, 0])
    pour = video([0, -1, -1, -1], ['pour'], crack=[0.6, 0, 0, 0], pour=[0.9, 0, 0, 0])

    found = calibrate(TableGrounder(), [crack, pour])

    # Pour reaches 0.7 where it happens; only the crack of the second video, 0.6, is in vain.
    assert 0.6 < found['query_threshold'] <= 0.7
    assert found['query_score'] == 1


@pytest.mark.parametrize(
    ('epoch', 'interval', 'calibrates'),
    [(0, 1, True), (0, 2, False), (1, 2, True), (4, 2, True), (3, 20, False)],
)
def test_hook_runs_at_its_interval_and_after_the_last_epoch(epoch, interval, calibrates, videos):
    model = TableGrounder()
    runner = SimpleNamespace(
        epoch=epoch,
        max_epochs=5,
        model=model,
        val_loop=SimpleNamespace(dataloader=SimpleNamespace(dataset=videos)),
        logger=logging.getLogger('calibrate'),
    )

    CalibrateThresholdsHook(interval).after_train_epoch(runner)

    assert bool(model.seen_training) is calibrates


def test_hook_comes_before_the_checkpoint_that_must_save_its_result():
    calibrating = get_priority(CalibrateThresholdsHook.priority)

    assert calibrating < get_priority(CrashSafeCheckpointHook.priority)
