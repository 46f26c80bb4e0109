import torch

from stgr.registry import MODELS


def _losses(clip_dir, **losses):
    torch.manual_seed(0)
    grounder = MODELS.build(
        {
            'type': 'stgr.SpatioTemporalGrounder',
            'backbone': {'type': 'stgr.CLIPBackbone', 'source': str(clip_dir)},
            'selector': {'type': 'stgr.AllFrames'},
            'global_head': {'type': 'stgr.GlobalHead', 'dim': 16},
            'local_head': {'type': 'stgr.CrossSelfCrossHead', 'dim': 16},
            **losses,
        }
    )
    token_ids, token_mask = grounder.backbone.tokenize(['crack an egg', 'peel it'])
    torch.manual_seed(1)
    inputs = {
        'frame_features': torch.randn(2, 3, grounder.backbone.video_dim),
        'patch_features': torch.randn(2, 3, 16, grounder.backbone.video_dim),
        'frame_mask': torch.ones(2, 3, dtype=torch.bool),
        'token_ids': token_ids,
        'token_mask': token_mask,
    }
    return grounder.loss(inputs)


def test_local_branch_may_have_a_loss_of_its_own(tiny_clip_dir):
    hot = {'type': 'stgr.MMSLoss', 'temperature': 50}
    cold = {'type': 'stgr.MMSLoss'}

    shared, own = (
        _losses(tiny_clip_dir, loss=hot),
        _losses(tiny_clip_dir, loss=hot, local_loss=cold),
    )
    all_cold = _losses(tiny_clip_dir, loss=cold)

    assert own['loss_global'] == shared['loss_global']
    assert own['loss_local'] == all_cold['loss_local'] != shared['loss_local']
