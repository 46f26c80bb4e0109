"""Grounders on the tiny CLIP, and packed clips for them."""

import pytest
import torch

from stgr.models.backbones import CLIPBackbone
from stgr.models.grounders import SpatioTemporalGrounder
from stgr.models.heads import CrossSelfCrossHead, GlobalHead
from stgr.models.losses import MMSLoss
from stgr.models.selectors import TopKSelector
from stgr.registry import MODELS
from stgr.structures.grounding_sample import GroundingSample


@pytest.fixture(scope='session')
def make_grounder(tiny_clip_dir):
    """Return a function that builds a grounder, always with the same random heads."""

    def make(*, frozen=True, **changes):
        config = {
            'type': SpatioTemporalGrounder,
            'backbone': {'type': CLIPBackbone, 'source': str(tiny_clip_dir), 'frozen': frozen},
            'selector': {'type': TopKSelector, 'count': 2},
            'loss': {'type': MMSLoss, 'margin': 0.1},
            'global_head': {'type': GlobalHead, 'dim': 8},
            'local_head': {'type': CrossSelfCrossHead, 'dim': 8},
        }
        config = {k: v for k, v in {**config, **changes}.items() if v is not ...}
        torch.manual_seed(0)
        return MODELS.build(config)

    return make


@pytest.fixture(scope='module')
def grounder(make_grounder):
    """A grounder that no test of the module changes."""
    return make_grounder()


@pytest.fixture
def clips():
    """Three packed clips of five candidates, of which five, four and one are real."""
    generator = torch.Generator().manual_seed(1)
    frames = torch.randint(0, 256, (3, 5, 3, 20, 24), dtype=torch.uint8, generator=generator)
    masks = torch.arange(5) < torch.tensor([[5], [4], [1]])
    said = ('crack an egg into the bowl', 'flip it', 'slice the bread')
    samples = [
        GroundingSample(video_id=f'v{i}', narration=said[i], frame_mask=masks[i]) for i in range(3)
    ]
    return {'inputs': {'frames': list(frames)}, 'data_samples': samples}


@pytest.fixture
def videos():
    """Two packed videos of four seconds with pools and labels, as evaluation has them."""
    generator = torch.Generator().manual_seed(2)
    frames = torch.randint(0, 256, (2, 4, 3, 20, 24), dtype=torch.uint8, generator=generator)
    pools = [['flip it', 'crack an egg', 'melt the butter in a pan'], ['slice the bread']]
    labels = [[1, -1, 3, 0], [0, 0, -1, -1]]
    unasked = [['peel it'], []]
    samples = [
        GroundingSample(
            video_id=f'v{i}',
            pool=pools[i],
            unasked=unasked[i],
            gt_labels=torch.tensor(labels[i]),
            frame_mask=torch.ones(4, dtype=torch.bool),
        )
        for i in (0, 1)
    ]
    return {'inputs': {'frames': list(frames)}, 'data_samples': samples}
