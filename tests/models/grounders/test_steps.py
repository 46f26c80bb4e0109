"""A grounder on a backbone whose features are steps of eight frames."""

import pytest
import torch

from stgr.models.backbones import S3DBackbone
from stgr.models.grounders import base_grounder
from stgr.models.selectors import TopKSelector
from stgr.structures.grounding_sample import GroundingSample


@pytest.fixture(scope='module')
def make(make_grounder, tiny_s3d):
    """Return a function that builds a grounder on the tiny S3D."""

    def make(*, frozen=True, **changes):
        backbone = {'type': S3DBackbone, **tiny_s3d, 'frozen': frozen}
        return make_grounder(
            backbone=backbone, selector={'type': TopKSelector, 'count': 1}, **changes
        )

    return make


def pixels(count, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, 3, 20, 24), dtype=torch.uint8, generator=generator)


@pytest.fixture
def inputs(make):
    """Two clips of 24 candidate frames, of which 24 and 10 are real, prepared for the model."""
    masks = torch.arange(24) < torch.tensor([[24], [10]])
    said = ('crack an egg into the bowl', 'flip it')
    samples = [
        GroundingSample(video_id=f'v{i}', narration=said[i], frame_mask=masks[i]) for i in (0, 1)
    ]
    clips = {'inputs': {'frames': [pixels(24, i) for i in (0, 1)]}, 'data_samples': samples}
    return make().data_preprocessor(clips)['inputs']


def test_selection_is_among_steps_and_never_of_padding(make, inputs):
    grounder = make()
    video = grounder.stored_or_encoded(inputs)
    text = grounder.backbone.encode_text(inputs['token_ids'], inputs['token_mask'])

    selection = grounder.select(video, text)

    assert video.mask.tolist() == [[True] * 3, [True, True, False]]
    assert selection.indices.shape == (2, 1)
    assert int(selection.indices[1]) < 2


def test_stored_steps_give_the_losses_of_pixels(make, inputs):
    grounder = make()
    video = grounder.stored_or_encoded(inputs)
    stored = {key: value for key, value in inputs.items() if key != 'frames'}
    stored |= {
        'frame_mask': video.mask,
        'frame_features': video.frames,
        'patch_features': video.patches,
    }

    expected, found = grounder.loss(inputs), grounder.loss(stored)

    assert set(expected) == {'loss_global', 'loss_local'}
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value)


def test_a_backbone_that_learns_gets_the_gradient_of_the_same_steps(make, inputs):
    frozen, learner = make(), make(frozen=False)

    expected, found = frozen.loss(inputs), learner.loss(inputs)
    sum(found.values()).backward()

    for name, value in expected.items():
        torch.testing.assert_close(found[name], value)
    assert learner.backbone.video_module.conv1.conv1.weight.grad.abs().sum() > 0


def video_of(count):
    sample = GroundingSample(
        video_id='v', pool=['flip it', 'crack an egg'],
        frame_mask=torch.ones(count, dtype=torch.bool),
        gt_labels=torch.zeros(count, dtype=torch.int64),
    )  # fmt: skip
    return {'inputs': {'frames': [pixels(count, 5)]}, 'data_samples': [sample]}


@pytest.mark.parametrize('frames_per_chunk', [256, 20])
def test_every_frame_of_a_tested_video_has_the_answer_of_its_step(
    frames_per_chunk, make, monkeypatch
):
    monkeypatch.setattr(base_grounder, 'FRAMES_PER_CHUNK', frames_per_chunk)  # 20 means 32
    grounder = make().eval()
    black = torch.zeros(6, 3, 20, 24, dtype=torch.uint8)

    (sample,) = grounder.test_step(video_of(42))

    with torch.no_grad():
        frames, _ = grounder.encode_frames(torch.cat([pixels(42, 5), black]))
        text = grounder.encode_text(list(sample.pool))
        projected = grounder.global_head.project_video(frames)
        scores = grounder.global_head.similarity(
            projected, grounder.global_head.project_text(text.sentence)
        )
    assert len(frames) == 6
    by_hand = torch.stack([scores[:, frame // 8] for frame in range(42)], dim=1)
    torch.testing.assert_close(sample.similarity, by_hand)
    assert sample.gt_heatmaps.shape == (42, 2, 2)
    assert torch.equal(sample.gt_heatmaps[16], sample.gt_heatmaps[23])
    assert not torch.equal(sample.gt_heatmaps[23], sample.gt_heatmaps[24])
