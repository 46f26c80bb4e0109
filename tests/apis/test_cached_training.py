"""Training from the store is training from pixels, but for the rounding of half precision."""

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate

from stgr.apis.feature_extraction import fill_store
from stgr.apis.model_hub import load_config
from stgr.datasets.transforms import LoadFeatures, LoadVideoFrames, PackClip
from stgr.io import write_video
from stgr.io.feature_store import FeatureStore
from stgr.registry import MODELS

FPS = 5  # of the videos and of the store: the nearest stored frame is the frame shown
NARRATIONS = ('crack an egg into the bowl', 'flip it over', 'slice the bread')


@pytest.fixture(scope='module')
def videos(tmp_path_factory):
    """Three videos of four seconds, each frame different from all others."""
    folder = tmp_path_factory.mktemp('videos')
    generator = np.random.default_rng(0)
    paths = {name: folder / f'{name}.mp4' for name in 'abc'}
    for path in paths.values():
        coarse = generator.integers(0, 256, (4 * FPS, 6, 8, 3)).astype(np.uint8)
        write_video(path, coarse.repeat(8, axis=1).repeat(8, axis=2), FPS)
    return paths


@pytest.fixture(scope='module')
def model(tiny_clip_dir):
    widths = ['model.global_head.dim=32', 'model.local_head.dim=32', 'model.selector.count=3']
    overrides = [f'model.backbone.source={tiny_clip_dir}', *widths]
    torch.manual_seed(0)
    return MODELS.build(load_config('ours_clip_cached', overrides=overrides).model).train()


def gradients(model, videos, load):
    """Return losses, selected frames and gradients of a step on one clip of each video."""
    clips = [
        {
            'video_id': name,
            'video_path': str(videos[name]),
            'narration': narration,
            'frame_times_sec': (np.arange(12) + start) / FPS,
            'frame_mask': np.arange(12) < 12 - start,
        }
        for start, name, narration in zip((0, 2, 4), videos, NARRATIONS, strict=True)
    ]
    batch = pseudo_collate([PackClip()(load(clip)) for clip in clips])
    inputs = model.data_preprocessor(batch, training=True)['inputs']
    chosen, select = [], model.select
    model.select = lambda *features: chosen.append(select(*features)) or chosen[-1]
    model.zero_grad()
    losses = model.loss(inputs)
    sum(losses.values()).backward()
    del model.select
    found = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    return {name: loss.item() for name, loss in losses.items()}, chosen[0].indices, found


def test_gradients_from_the_store_are_those_from_pixels(model, videos, tmp_path):
    fill_store(model, list(videos.items()), FeatureStore(tmp_path), rate_fps=FPS, sharded=True)

    losses, frames, expected = gradients(model, videos, LoadVideoFrames(size=(32, 32)))
    stored_losses, stored_frames, found = gradients(model, videos, LoadFeatures(str(tmp_path)))

    assert stored_frames.tolist() == frames.tolist()
    assert stored_losses == pytest.approx(losses, rel=1e-3)
    assert set(found) == set(expected)
    assert len(found) > 8
    errors = {n: float((found[n] - expected[n]).norm() / expected[n].norm()) for n in expected}
    assert max(errors.values()) < 5e-3, errors  # 2e-3 of a bias, 4e-4 of all weights
