"""Choose a model's thresholds on its validation videos, as a part of training."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from stgr.engine.fully_sharded_model import whole_weights
from stgr.evaluation.functional.thresholds import choose_pool_threshold, choose_query_threshold
from stgr.registry import HOOKS
from stgr.structures import BACKGROUND
from stgr.structures.features import VideoFeatures


@HOOKS.register_module()
class CalibrateThresholdsHook(Hook):
    """Sets ``pool_threshold`` and ``query_threshold`` after an epoch, before it is saved.

    Queries that do not happen are the labels of the other validation videos. Every rank sees all
    validation videos, so that all ranks choose the same.

    Args:
        interval: Epochs between calibrations; the last epoch always has one.
    """

    priority = 'NORMAL'  # before the checkpoint hook, which must save the new thresholds

    def __init__(self, interval: int = 1) -> None:
        self.interval = interval

    def after_train_epoch(self, runner: Runner) -> None:
        """Calibrate if it is this epoch's turn."""
        if self.every_n_epochs(runner, self.interval) or self.is_last_train_epoch(runner):
            model = runner.model.module if is_model_wrapper(runner.model) else runner.model
            dataset = runner.val_loop.dataloader.dataset
            with whole_weights(runner.model):
                found = calibrate(model, (dataset[i] for i in range(len(dataset))))
            runner.logger.info(
                'thresholds from validation videos: '
                + ', '.join(f'{name} {value:.4f}' for name, value in found.items())
            )


@torch.no_grad()
def calibrate(model: Any, videos: Iterable[dict[str, Any]]) -> dict[str, float]:
    """Set the thresholds of a grounder by videos with known truth; return them and their scores.

    Args:
        model: A ``BaseGrounder``.
        videos: Packed validation videos: ``inputs`` and ``data_samples``. One is held at a time,
            and of all their features those that similarities are made of. If every label happens
            in every one, as in a single one, no query is known that does not happen: both
            thresholds are then that of the pool.
    """
    was_training = model.training
    model.eval()
    encoded = [(video['data_samples'], _features(model, video)) for video in videos]
    names = sorted({name for sample, _ in encoded for name in sample.pool})
    text = model.encode_text(names)
    pool_rows, labels, all_rows, happens = [], [], [], []
    for sample, features in encoded:
        similarity = model.similarity(features, text)
        times_sec = sample.get('frame_times_sec')
        columns = [names.index(name) for name in sample.pool]
        truth = sample.gt_labels.cpu().numpy()
        pool = model.scores_over_time(similarity[columns], times_sec, exclusive=True)
        alone = model.scores_over_time(similarity, times_sec, exclusive=False)
        pool_rows.append(pool.cpu().numpy())
        labels.append(np.where(truth < len(columns), truth, BACKGROUND))  # no unasked label
        all_rows.append(alone.cpu().numpy())
        happens.append(_where(truth, [*sample.pool, *sample.get('unasked', [])], names))
    pool_threshold, pool_iou = choose_pool_threshold(pool_rows, labels)
    if any(not row.any() for truth in happens for row in truth):
        query_threshold, query_score = choose_query_threshold(all_rows, happens)
    else:  # nobody else's labels to ask for in vain
        query_threshold, query_score = pool_threshold, float('nan')
    model.pool_threshold.fill_(pool_threshold)
    model.query_threshold.fill_(query_threshold)
    model.train(was_training)
    return {
        'pool_threshold': pool_threshold,
        'pool_iou': pool_iou,
        'query_threshold': query_threshold,
        'query_score': query_score,
    }


def _features(model: Any, video: dict[str, Any]) -> Any:
    """Return the features of a packed video, without its patches if no similarity needs them."""
    batch = {
        'inputs': {key: [value] for key, value in video['inputs'].items()},
        'data_samples': [video['data_samples']],
    }
    features = model.video_features(model.data_preprocessor(batch, False)['inputs'])
    if isinstance(features, VideoFeatures) and not model.similarity_needs_patches:
        return replace(features, patches=None)
    return features


def _where(truth: np.ndarray, of_video: list[str], names: list[str]) -> np.ndarray:
    """Return when each of all names happens, (Q, F), given labels that index a video's names."""
    index = {name: i for i, name in enumerate(of_video)}
    return np.stack([truth == index.get(name, len(index)) for name in names])
