"""Any backbone works with any selector, any heads and any loss, from a config to an answer."""

from itertools import product

import pytest
import torch
from contracts.pairwise import covering_pairs
from mmengine.optim import OptimWrapper

from stgr.registry import MODELS
from stgr.structures.grounding_sample import GroundingSample

BACKBONES = {
    'clip': {'type': 'CLIPBackbone'},
    'clip by values': {'type': 'CLIPBackbone', 'patch_tokens': 'value'},
    'clip that learns': {'type': 'CLIPBackbone', 'frozen': False},
    'clip that learns in part': {'type': 'CLIPBackbone', 'frozen': {'vision': 1}},
    's3d': {'type': 'S3DBackbone'},
}
SELECTORS = {
    'all': {'type': 'AllFrames'},
    'uniform': {'type': 'UniformSelector', 'count': 2},
    'random': {'type': 'RandomSelector', 'count': 2},
    'top-k': {'type': 'TopKSelector', 'count': 2},
    'top-k words, patches': {
        'type': 'TopKSelector',
        'count': 2,
        'video': 'patches',
        'text': 'words',
    },
    'sinkhorn': {'type': 'SinkhornSelector', 'count': 2},
    'sinkhorn both': {'type': 'SinkhornSelector', 'count': 2, 'video': 'both'},
    'sinkhorn words': {'type': 'SinkhornSelector', 'count': 2, 'ranking': 'word'},
    'sinkhorn batch': {
        'type': 'SinkhornSelector',
        'count': 2,
        'text': 'sentence',
        'plan': 'batch',
        'ranking': 'mass',
    },
}
GLOBAL_HEADS = {
    'linear': {'type': 'GlobalHead', 'dim': 8},
    'of patches and words': {'type': 'GlobalHead', 'dim': 8, 'video': 'patches', 'text': 'words'},
    'gated': {'type': 'GatedGlobalHead', 'dim': 8},
    'none': None,
}
LOCAL_HEADS = {
    'cross self cross': {'type': 'CrossSelfCrossHead', 'dim': 8},
    'cross self': {'type': 'CrossSelfHead', 'dim': 8, 'identity_in_heat': True},
    'self cross': {'type': 'SelfCrossHead', 'dim': 8},
    'cross cross': {'type': 'CrossCrossHead', 'dim': 8, 'cosine_in_training': True},
    'word region': {'type': 'WordRegionHead', 'dim': 8},
    'none': None,
}
LOSSES = {
    'mms': {'type': 'MMSLoss'},
    'mil-nce': {'type': 'MILNCELoss'},
    'mil-nce released': {'type': 'MILNCELoss', 'count_positives_twice': True},
    'info-nce': {'type': 'InfoNCELoss', 'temperature': 1.0},
}
AXES = (BACKBONES, SELECTORS, GLOBAL_HEADS, LOCAL_HEADS, LOSSES)


def works(backbone, selector, global_head, local_head, loss):
    """Return whether a combination makes sense: one head at least, and one space to select in."""
    blind = selector in ('all', 'uniform', 'random')
    return (global_head, local_head) != ('none', 'none') and (
        backbone != 's3d' or global_head != 'none' or blind
    )


ALL = [case for case in product(*AXES) if works(*case)]
PAIRS = covering_pairs(ALL)
REST = [case for case in ALL if case not in PAIRS]


@pytest.fixture
def sources(tiny_clip_dir, tiny_s3d):
    """What each type of backbone is built from."""
    return {'CLIPBackbone': {'source': str(tiny_clip_dir)}, 'S3DBackbone': tiny_s3d}


def build(case, sources):
    backbone, selector, global_head, local_head, loss = (
        axis[name] for axis, name in zip(AXES, case, strict=True)
    )
    torch.manual_seed(0)
    return MODELS.build(
        {
            'type': 'SpatioTemporalGrounder',
            'backbone': {**sources[backbone['type']], **backbone},
            'selector': selector,
            'global_head': global_head,
            'local_head': local_head,
            'loss': loss,
        }
    )


def clips(per_step):
    stream, count = torch.Generator().manual_seed(1), 4 * per_step
    frames = torch.randint(0, 256, (3, count, 3, 16, 16), dtype=torch.uint8, generator=stream)
    said = ('crack an egg', 'flip it over', 'chop')
    masks = torch.arange(count) < per_step * torch.tensor([[4], [3], [1]])
    samples = [
        GroundingSample(video_id=f'v{i}', narration=said[i], frame_mask=masks[i]) for i in range(3)
    ]
    return {'inputs': {'frames': list(frames)}, 'data_samples': samples}


def video():
    frames = torch.randint(0, 256, (3, 3, 16, 16), dtype=torch.uint8)
    sample = GroundingSample(
        video_id='v', pool=['flip it over', 'chop'], frame_mask=torch.ones(3, dtype=torch.bool)
    )
    return {'inputs': {'frames': [frames]}, 'data_samples': [sample]}


def learns_saves_loads_and_answers(case, sources, folder):
    grounder = build(case, sources).train()
    before = {name: p.detach().clone() for name, p in grounder.named_parameters()}
    optimizer = torch.optim.SGD(grounder.parameters(), lr=0.1)

    logged = grounder.train_step(clips(grounder.backbone.frames_per_step), OptimWrapper(optimizer))

    assert all(torch.isfinite(value).all() for value in logged.values())
    trainable = [name for name, p in grounder.named_parameters() if p.requires_grad]
    assert any(not torch.equal(before[name], grounder.get_parameter(name)) for name in trainable)
    torch.save(grounder.state_dict(), folder / 'weights.pth')
    other = build(case, sources)
    other.load_state_dict(torch.load(folder / 'weights.pth', weights_only=True), strict=True)
    torch.manual_seed(2)
    answer = grounder.eval().val_step(video())[0]
    torch.manual_seed(2)
    again = other.eval().val_step(video())[0]
    assert torch.equal(answer.similarity, again.similarity)
    assert torch.equal(answer.heatmaps, again.heatmaps)
    assert answer.similarity.shape == (2, 3)
    assert answer.heatmaps.shape == (3, *grounder.backbone.grid)


@pytest.mark.parametrize('case', PAIRS, ids=', '.join)
def test_every_pair_of_parts_works_together(case, sources, tmp_path):
    learns_saves_loads_and_answers(case, sources, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize('case', REST, ids=', '.join)
def test_every_combination_works(case, sources, tmp_path):
    learns_saves_loads_and_answers(case, sources, tmp_path)


def test_a_selector_without_a_common_space_is_refused_when_built(sources):
    with pytest.raises(ValueError, match='S3DBackbone are 128 and 24 wide: select by the global'):
        build(('s3d', 'top-k', 'none', 'cross self', 'mms'), sources)


def test_every_two_parts_meet():
    for one, other in ((1, 3), (0, 4), (2, 3)):
        met = {(case[one], case[other]) for case in PAIRS}
        expected = set(product(AXES[one], AXES[other])) - {('none', 'none')}
        assert met == expected
