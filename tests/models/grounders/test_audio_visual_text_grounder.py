"""Video, audio and text learn from each other; without sound all is as before."""

import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.optim import OptimWrapper

from stgr.engine.calibrate_thresholds_hook import calibrate
from stgr.models.backbones import DAVEnet
from stgr.models.grounders import AudioVisualTextGrounder
from stgr.models.heads import AudioHead
from stgr.structures.features import TextFeatures, VideoFeatures

AUDIO = {
    'type': AudioVisualTextGrounder,
    'audio_backbone': {'type': DAVEnet, 'widths': (4, 4, 6)},  # a stride of 4
    'audio_head': {'type': AudioHead},
}


@pytest.fixture
def make_audio_grounder(make_grounder):
    """Return a function that builds one; the parts of its parent are those of make_grounder."""
    return lambda **changes: make_grounder(**{**AUDIO, **changes})


@pytest.fixture
def grounder(make_audio_grounder):
    return make_audio_grounder().train()


@pytest.fixture
def batch(clips):
    """The clips with one second of sound each."""
    generator = torch.Generator().manual_seed(5)
    sounds = -40 + 20 * torch.randn(3, 40, 100, generator=generator)
    add_sound(clips, sounds, torch.ones(3, 100, dtype=torch.bool))
    return clips


def add_sound(packed, sounds, masks):
    count = len(packed['data_samples'][0].frame_mask)
    packed['inputs']['audio'] = list(sounds)
    packed['inputs']['audio_mask'] = list(masks)
    packed['inputs']['heard_at_sec'] = [torch.arange(count) / 5 for _ in sounds]


def prepared(grounder, packed):
    return grounder.data_preprocessor(packed)['inputs']


def selected(grounder, inputs):
    """The features that the losses see."""
    text = grounder.backbone.encode_text(inputs['token_ids'], inputs['token_mask'])
    video = grounder._candidates(inputs)
    return grounder._selected(inputs, video, grounder.select(video, text)), text


def mms_by_hand(scores):
    """Eq. 1 with a margin of 0.1."""
    shifted, diagonal = scores - 0.1 * torch.eye(len(scores)), torch.arange(len(scores))
    return F.cross_entropy(shifted, diagonal) + F.cross_entropy(shifted.T, diagonal)


def test_losses_of_video_and_text_are_those_of_the_parent(make_grounder, grounder, batch):
    inputs = prepared(grounder, batch)
    parent = make_grounder().train()

    losses = grounder.loss(inputs)

    for name, value in parent.loss(inputs).items():
        torch.testing.assert_close(losses[name], value)
    assert set(losses) == {
        'loss_global', 'loss_local', 'loss_global_va', 'loss_global_at', 'loss_local_va',
        'loss_local_at',
    }  # fmt: skip


def test_global_losses_compare_means_pair_by_pair(grounder, batch):
    grounder.eval()  # running statistics: two encodings agree
    inputs = prepared(grounder, batch)
    video, text = selected(grounder, inputs)
    sounds = grounder.audio_backbone(inputs['audio']).mean(dim=2)
    sounds = grounder.audio_head.global_proj(sounds)
    frames = grounder.global_head.video_proj(video.frames)
    clips = torch.stack([row[real].mean(dim=0) for row, real in zip(frames, video.mask)])  # noqa: B905
    sentences = grounder.global_head.text_proj(text.sentence)

    losses = grounder.loss(inputs)

    close = {'atol': 1e-4, 'rtol': 1e-4}
    torch.testing.assert_close(losses['loss_global_va'], mms_by_hand(clips @ sounds.T), **close)
    torch.testing.assert_close(losses['loss_global_at'], mms_by_hand(sounds @ sentences.T), **close)


def test_all_candidates_can_be_averaged_for_every_pair(make_audio_grounder, batch):
    grounder = make_audio_grounder(global_frames='candidates').eval()
    inputs = prepared(grounder, batch)
    video = grounder._candidates(inputs)
    sounds = grounder.audio_head.global_proj(grounder.audio_backbone(inputs['audio']).mean(dim=2))
    frames = grounder.global_head.video_proj(video.frames)
    clips = torch.stack([row[real].mean(dim=0) for row, real in zip(frames, video.mask)])  # noqa: B905

    found = grounder.loss(inputs)['loss_global_va']

    torch.testing.assert_close(found, mms_by_hand(clips @ sounds.T), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'local_negatives': 'all'}, "local_negatives must be 'process', but got 'all'"),
        (
            {'local_head': {'type': 'CrossSelfCrossHead', 'dim': 8, 'cosine_in_training': True}},
            'leave cosine_in_training out',
        ),
    ],
)
def test_what_the_audio_losses_cannot_do_is_refused(make_audio_grounder, change, message):
    with pytest.raises(ValueError, match=message):
        make_audio_grounder(**change)


def test_local_losses_are_those_of_the_audio_heads_scores(grounder, batch):
    grounder.eval()
    inputs = prepared(grounder, batch)
    video, text = selected(grounder, inputs)
    audio = grounder.audio_backbone.encode_audio(inputs['audio'], inputs['audio_mask'])
    regions, mask = video.patches.flatten(1, 2), video.mask.repeat_interleave(16, dim=1)
    head, local = grounder.audio_head, grounder.local_head

    losses = grounder.loss(inputs)

    va, at = (
        head.video_scores(local, regions, mask, audio),
        head.text_scores(local, audio, text.words, text.mask),
    )
    torch.testing.assert_close(losses['loss_local_va'], mms_by_hand(va))
    torch.testing.assert_close(losses['loss_local_at'], mms_by_hand(at))


def test_weights_multiply_the_losses_of_their_pair_on_both_levels(make_audio_grounder, batch):
    plain = make_audio_grounder().train()
    heavy = make_audio_grounder(va_weight=2.0, at_weight=3.0, local_weight=5.0).train()

    before, after = (g.loss(prepared(g, batch)) for g in (plain, heavy))

    factors = {name: after[name].item() / before[name].item() for name in before}
    assert factors == pytest.approx(
        {
            'loss_global': 1, 'loss_local': 5, 'loss_global_va': 2, 'loss_global_at': 3,
            'loss_local_va': 10, 'loss_local_at': 15,
        },
        rel=1e-4,
    )  # fmt: skip


def test_the_order_of_the_clips_changes_no_loss(grounder, batch):
    inputs = prepared(grounder, batch)
    turned = {key: values.flip(0) for key, values in inputs.items()}

    found, expected = grounder.loss(turned), grounder.loss(inputs)

    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, atol=1e-4, rtol=1e-4)


def test_exchanged_sounds_change_the_losses_of_audio_only(grounder, batch):
    inputs = prepared(grounder, batch)
    exchanged = {**inputs, 'audio': inputs['audio'].roll(1, 0)}

    found, expected = grounder.loss(exchanged), grounder.loss(inputs)

    same = {name for name in expected if torch.allclose(found[name], expected[name], rtol=1e-5)}
    assert same == {'loss_global', 'loss_local'}


def test_a_clip_without_sound_takes_no_part_in_the_losses_of_audio(grounder, batch):
    inputs = prepared(grounder, batch)
    inputs['audio_mask'][1] = False
    inputs['audio'][1] = torch.nan
    pair = {key: values[[0, 2]] for key, values in inputs.items()}

    found, expected = grounder.loss(inputs), grounder.loss(pair)

    for name in ('loss_global_va', 'loss_global_at', 'loss_local_va', 'loss_local_at'):
        torch.testing.assert_close(found[name], expected[name], atol=1e-4, rtol=1e-4)


def test_a_batch_without_sound_learns_as_the_parent(make_grounder, grounder, batch):
    inputs = prepared(grounder, batch)
    inputs['audio_mask'][:] = False
    parent = make_grounder().train()

    losses = grounder.loss(inputs)
    sum(losses.values()).backward()
    sum(parent.loss(inputs).values()).backward()

    assert all(losses[f'loss_{level}_{pair}'] == 0
               for level in ('global', 'local') for pair in ('va', 'at'))  # fmt: skip
    expected = dict(parent.named_parameters())
    for name, parameter in grounder.named_parameters():
        if name.startswith('audio_') and parameter.requires_grad:
            assert parameter.grad is not None, 'several processes wait for every gradient'
            assert not parameter.grad.any()
        elif parameter.requires_grad:
            torch.testing.assert_close(parameter.grad, expected[name].grad)


@pytest.mark.parametrize('own', [True, False])
def test_a_training_step_moves_all_parts_of_audio(make_audio_grounder, batch, own):
    audio_head = {'type': AudioHead, 'own_attention': own}
    grounder = make_audio_grounder(audio_head=audio_head).train()
    before = {name: value.clone() for name, value in grounder.named_parameters()}

    grounder.train_step(batch, OptimWrapper(torch.optim.SGD(grounder.parameters(), lr=0.01)))

    of_audio = {name for name in before if name.startswith('audio_')}
    still = {n for n, value in grounder.named_parameters() if torch.equal(value, before[n])}
    assert of_audio & still <= {
        'audio_backbone.batchnorm1.weight',
        'audio_backbone.batchnorm1.bias',
        # A bias that shifts all scores of a softmax alike has no gradient worth a step.
        'audio_head.attention.in_proj_bias',
        'audio_head.attention.out_proj.bias',
        'audio_head.global_proj.bias',
    }
    assert ('audio_head.attention.in_proj_weight' in of_audio) == own


def test_each_branch_can_be_left_out(make_audio_grounder, batch):
    only_global = make_audio_grounder(local_head=None)
    only_local = make_audio_grounder(global_head=None)

    losses = [set(g.loss(prepared(g, batch))) for g in (only_global, only_local)]

    assert losses[0] == {'loss_global', 'loss_global_va', 'loss_global_at'}
    assert losses[1] == {'loss_local', 'loss_local_va', 'loss_local_at'}
    with pytest.raises(ValueError, match='audio_at_test needs a global_head'):
        make_audio_grounder(global_head=None, audio_at_test=1.0)


def test_training_clips_without_a_spectrogram_say_what_to_do(grounder, clips):
    with pytest.raises(KeyError, match='put LoadAudio into the pipeline'):
        grounder.loss(prepared(grounder, clips))


def test_answers_without_sound_are_those_of_the_parent(make_grounder, make_audio_grounder, videos):
    grounder, parent = make_audio_grounder().eval(), make_grounder().eval()

    found = grounder.test_step(videos)
    expected = parent.test_step(videos)

    for one, other in zip(found, expected, strict=True):
        for field in ('similarity', 'pred_labels', 'heatmaps', 'gt_heatmaps'):
            torch.testing.assert_close(one.get(field), other.get(field))


def heard_videos(videos):
    """The videos with sounds of 0.8 and 0.4 seconds; steps of 0.04 s, frames every 0.2 s."""
    generator = torch.Generator().manual_seed(6)
    sounds = [-40 + 20 * torch.randn(40, n, generator=generator) for n in (80, 40)]
    add_sound(videos, sounds, [torch.ones(80).bool(), torch.ones(40).bool()])
    return videos


def test_with_sound_at_test_the_embeddings_are_added(make_audio_grounder, videos):
    grounder = make_audio_grounder(audio_at_test=0.2).eval()

    found = grounder.test_step(heard_videos(videos))

    head, net = grounder.global_head, grounder.audio_backbone
    for i, sample in enumerate(found):
        inputs = prepared(grounder, videos)
        steps = net(inputs['audio'][i : i + 1])[0].T  # (N, 6)
        video = grounder.backbone.encode_video(inputs['frames'][i : i + 1], torch.ones(1, 4).bool())
        text = head.text_proj(grounder.encode_text(list(sample.pool)).sentence)
        for k in range(4):
            embed = head.video_proj(video.frames[0, k])
            real = 20 if i == 0 else 10  # the shorter sound was filled up
            near = [n for n in range(real) if abs(0.04 * n - 0.2 * k) <= 0.1 + 1e-6]
            if near:
                embed = embed + grounder.audio_head.global_proj(steps[near].mean(dim=0))
            expected = F.cosine_similarity(embed[None], text, dim=-1)
            torch.testing.assert_close(sample.similarity[:, k], expected, atol=1e-4, rtol=1e-4)


def test_sound_at_test_counts_where_it_is_given_only(make_audio_grounder, make_grounder, videos):
    grounder, parent = make_audio_grounder(audio_at_test=0.2).eval(), make_grounder().eval()
    features = VideoFeatures(torch.randn(1, 4, 32), None, torch.ones(1, 4).bool(), (4, 4))
    text = TextFeatures(torch.randn(2, 32), torch.randn(2, 3, 32), torch.ones(2, 3).bool())

    torch.testing.assert_close(
        grounder.similarity(features, text), parent.similarity(features, text)
    )
    with pytest.raises(KeyError, match='put LoadAudio into the pipeline'):
        grounder.test_step(videos)
    heard = heard_videos(videos)
    heard['inputs']['audio_mask'] = [torch.zeros_like(m) for m in heard['inputs']['audio_mask']]
    for one, other in zip(grounder.test_step(heard), parent.test_step(videos), strict=True):
        torch.testing.assert_close(one.similarity, other.similarity)


def test_thresholds_are_calibrated_on_what_is_heard(make_audio_grounder, videos):
    heard = heard_videos(videos)
    packed = [
        {
            'inputs': {key: values[i] for key, values in heard['inputs'].items()},
            'data_samples': heard['data_samples'][i],
        }
        for i in (0, 1)
    ]
    deaf, hearing = make_audio_grounder(), make_audio_grounder(audio_at_test=0.2)

    assert calibrate(deaf, packed)['pool_threshold'] != calibrate(hearing, packed)['pool_threshold']


CONFIG = """
from mmengine.dataset import DefaultSampler, pseudo_collate
from mmengine.optim import OptimWrapper
from torch.optim import SGD

from stgr.datasets import HowTo100M
from stgr.datasets.transforms import LoadAudio, LoadVideoFrames, PackClip, SampleClip
from stgr.models.backbones import CLIPBackbone, DAVEnet
from stgr.models.grounders import AudioVisualTextGrounder
from stgr.models.heads import AudioHead, CrossSelfCrossHead, GlobalHead
from stgr.models.losses import MMSLoss
from stgr.models.selectors import TopKSelector

default_scope = None
model = dict(
    type=AudioVisualTextGrounder,
    backbone=dict(type=CLIPBackbone, source={clip!r}),
    selector=dict(type=TopKSelector, count=2),
    global_head=dict(type=GlobalHead, dim=8),
    local_head=dict(type=CrossSelfCrossHead, dim=8),
    loss=dict(type=MMSLoss),
    audio_backbone=dict(type=DAVEnet, widths=(4, 4, 4)),
    audio_head=dict(type=AudioHead),
)
train_dataloader = dict(
    batch_size=4,
    num_workers=0,
    collate_fn=dict(type=pseudo_collate),
    sampler=dict(type=DefaultSampler, shuffle=False),
    dataset=dict(
        type=HowTo100M,
        data_root={root!r},
        captions='captions.json',
        pipeline=[
            dict(type=SampleClip, candidates=4, fps=2),
            dict(type=LoadVideoFrames, size=(32, 32)),
            dict(type=LoadAudio, frames=200),
            dict(type=PackClip),
        ],
    ),
)
train_cfg = dict(by_epoch=True, max_epochs=2)
optim_wrapper = dict(type=OptimWrapper, optimizer=dict(type=SGD, lr=0.01))
"""


def write_videos(folder):
    """Three narrated videos of three seconds, one of them without sound."""
    from stgr.io import VideoWriter

    folder.mkdir()
    generator, captions = np.random.default_rng(0), {}
    for name, hz in (('low', 300), ('high', 3000), ('mute', None)):
        tone = None if hz is None else 0.5 * np.sin(np.arange(48_000) / 16_000 * 2 * np.pi * hz)
        sound = None if tone is None else (tone, 16_000)
        with VideoWriter(folder / f'{name}.mp4', 10, (32, 32), audio=sound) as writer:
            for _ in range(30):
                writer.write(generator.integers(0, 256, (32, 32, 3)).astype(np.uint8))
        captions[name] = {'start': [0.5, 1.5], 'end': [1.0, 2.5], 'text': ['flip it', 'slice it']}
    return captions


def test_runs_from_video_files_through_the_runner(tiny_clip_dir, tmp_path):
    from stgr.apis.train import train_model

    captions = write_videos(tmp_path / 'videos')
    (tmp_path / 'captions.json').write_text(json.dumps(captions))
    config = tmp_path / 'config.py'
    config.write_text(CONFIG.format(clip=str(tiny_clip_dir), root=str(tmp_path)))

    with pytest.warns(UserWarning, match=r'mute\.mp4: no sound'):
        runner = train_model(config, work_dir=tmp_path / 'work')

    for level in ('global', 'local'):
        for pair in ('va', 'at'):
            logged = runner.message_hub.get_scalar(f'train/loss_{level}_{pair}').data[0]
            assert np.isfinite(logged).all()
            assert (logged > 0).any()
    assert int(runner.model.audio_backbone.bn1.num_batches_tracked) == 4
    saved = torch.load(tmp_path / 'work' / 'epoch_2.pth', weights_only=False)['state_dict']
    assert 'audio_head.global_proj.weight' in saved
    assert 'audio_backbone.layer1.0.conv1.weight' in saved
