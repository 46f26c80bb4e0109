"""Parts that do not fit are refused when they are put together, with both values."""

import pytest
import torch
from torch import nn

from stgr.datasets.transforms import LoadFeatures, LoadVideoFrames, PackClip
from stgr.engine import check_loaders, check_parts
from stgr.models.backbones import CLIPBackbone
from stgr.models.data_preprocessors import ClipPreprocessor
from stgr.models.grounders import SpatioTemporalGrounder
from stgr.models.heads import CrossSelfCrossHead, GlobalHead
from stgr.models.losses import MMSLoss
from stgr.models.selectors import TopKSelector
from stgr.registry import MODELS


@pytest.fixture
def make(tiny_clip_dir):
    def make(*, backbone=None, global_head=None, local_head=None):
        config = {
            'type': SpatioTemporalGrounder,
            'backbone': {'type': CLIPBackbone, 'source': str(tiny_clip_dir), **(backbone or {})},
            'selector': {'type': TopKSelector, 'count': 2},
            'loss': {'type': MMSLoss},
            'global_head': {'type': GlobalHead, 'dim': 8, **(global_head or {})},
            'local_head': {'type': CrossSelfCrossHead, 'dim': 8, **(local_head or {})},
        }
        return MODELS.build(config)

    return make


def loaders(*steps):
    return [{'dataset': {'pipeline': [*steps, {'type': PackClip}]}}, None]


def test_a_model_as_it_is_built_fits(make):
    for settings in ({}, {'normalise': False}, {'frozen': False}):
        check_parts(make(backbone=settings))


def test_a_head_of_another_width_is_named_with_both(make):
    model = make(global_head={'text_dim': 16}, local_head={'video_dim': 48})

    with pytest.raises(ValueError, match='parts of SpatioTemporalGrounder do not fit') as caught:
        check_parts(model)
    said = str(caught.value)
    assert 'global_head.text_dim is 16, but text features of the backbone have width 32' in said
    assert 'local_head.video_dim is 48, but video features of the backbone have width 32' in said
    assert 'global_head.video_dim' not in said


def test_pictures_that_would_enter_otherwise_are_refused(make):
    model, raw = make(), make(backbone={'normalise': False})
    model.data_preprocessor = raw.data_preprocessor

    with pytest.raises(ValueError, match=r'mean is \(0\.0, .*backbone \(0\.4815, ') as caught:
        check_parts(model)
    assert 'std is (1.0, 1.0, 1.0), that of the backbone (0.2686' in str(caught.value)
    assert 'tokenizer' in str(caught.value)  # that of the other backbone
    assert 'image_size' not in str(caught.value)


def test_pictures_of_another_size_are_refused(make):
    model = make()
    encoder = model.backbone
    model.data_preprocessor = ClipPreprocessor(48, encoder.mean, encoder.std, encoder.tokenize)

    with pytest.raises(ValueError, match=r'image_size is 48, that of the backbone 32$'):
        check_parts(model)


def test_frames_decoded_to_another_size_are_refused(make):
    model, other = make(), {'type': LoadVideoFrames, 'size': (64, 32)}
    fitting = [{'type': LoadVideoFrames}, {'type': LoadVideoFrames, 'size': [32, 32]}]

    check_loaders(model, loaders(*fitting, {'type': LoadFeatures, 'store_dir': 'a'}))
    with pytest.raises(ValueError, match=r'size is \(64, 32\), but the backbone sees \(32, 32\)'):
        check_loaders(model, loaders(other))


@pytest.mark.parametrize('kind', [LoadFeatures, 'stgr.LoadFeatures'])
def test_stored_features_are_refused_where_the_video_encoder_learns(make, kind):
    steps = loaders({'type': kind, 'store_dir': 'a'})

    check_loaders(make(backbone={'frozen': {'text': 1}}), steps)
    for frozen in (False, {'vision': 1}):
        with pytest.raises(ValueError, match='the video encoder learns; use LoadVideoFrames'):
            check_loaders(make(backbone={'frozen': frozen}), steps)


def test_stored_features_of_another_width_are_refused(make):
    inputs = {'frame_features': torch.zeros(1, 2, 8), 'frame_mask': torch.ones(1, 2).bool()}

    with pytest.raises(ValueError, match='have width 8, those of the backbone 32'):
        make().stored_or_encoded(inputs)


def test_models_that_ground_nothing_are_left_alone():
    check_parts(nn.Linear(1, 1))
    check_loaders(nn.Linear(1, 1), loaders({'type': LoadVideoFrames, 'size': (1, 1)}))
