"""The untrained grounder: what it reads, what it compares with, and that it answers as others."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from stgr.localizers import HysteresisTemporalLocalizer
from stgr.models.backbones import CLIPBackbone, SelfSelfAttentionBackbone
from stgr.models.grounders import GEMGrounder, ZeroShotGrounder
from stgr.models.heads import (
    LayerWeightedHeatMapHead,
    PromptHeatMapHead,
    SinkhornTimeScores,
    SmoothedTimeScores,
)
from stgr.models.prompts import PromptBank
from stgr.structures.features import VideoFeatures
from stgr.structures.grounding_sample import GroundingSample

ONE = ('{}',)
PLAIN = {
    'type': PromptBank,
    'templates': ONE,
    'verb_templates': ONE,
    'object_templates': ('the {}',),
}


def make(source, **parts):
    backbone = {'type': SelfSelfAttentionBackbone, 'source': str(source), 'layer_weights': (1, 1)}
    return GEMGrounder(
        {**backbone, **parts.pop('backbone', {})},
        **{
            'prompts': PLAIN,
            'heat_map_head': {'type': PromptHeatMapHead},
            'time_scores': {'type': SmoothedTimeScores},
            **parts,
        },
    ).eval()


def video_of(model, frames):
    features, patches = model.encode_frames(frames)
    mask = torch.ones(1, len(frames), dtype=torch.bool)
    return VideoFeatures(features[None], patches[None], mask, model.backbone.grid)


def pictures(count):
    return torch.randint(0, 256, (count, 3, 32, 32), dtype=torch.uint8)


@torch.no_grad()
def test_without_a_path_and_prompts_it_is_the_zero_shot_baseline(tiny_clip_dir):
    head = {'type': PromptHeatMapHead, 'part_weights': (1, 0, 0)}
    model = make(tiny_clip_dir, backbone={'layer_weights': (1,)}, heat_map_head=head)
    baseline = ZeroShotGrounder({'type': CLIPBackbone, 'source': str(tiny_clip_dir)}).eval()
    frames, queries = pictures(4), ['crack an egg', 'flip it over']

    video, text = video_of(model, frames), model.encode_text(queries)
    baseline_video, baseline_text = video_of(baseline, frames), baseline.encode_text(queries)

    similarity = baseline.similarity(baseline_video, baseline_text)
    torch.testing.assert_close(model.similarity(video, text), similarity, atol=1e-5, rtol=1e-4)
    patches, query = baseline_video.patches[0][:2, None], baseline_text
    expected = baseline.heatmaps(patches, query)
    heat = model.heatmaps(video.patches[0][:2, None], text)
    torch.testing.assert_close(heat, expected, atol=1e-4, rtol=1e-3)


@torch.no_grad()
def test_sentence_is_the_mean_direction_of_its_prompts(tiny_clip_dir):
    bank = {**PLAIN, 'templates': ('{}', 'now {}'), 'verb_templates': ('{} it', '{}')}
    model = make(tiny_clip_dir, prompts=bank)

    text = model.encode_text(['crack an egg', 'flip'])

    def direction(*prompts):
        token_ids, mask = model.backbone.tokenize(prompts)
        embeds = F.normalize(model.backbone.encode_text(token_ids, mask).sentence, dim=-1)
        return F.normalize(embeds.mean(dim=0), dim=-1)

    torch.testing.assert_close(text.sentence[0], direction('crack an egg', 'now crack an egg'))
    torch.testing.assert_close(text.words[0, 1], direction('crack it', 'crack'))
    torch.testing.assert_close(text.words[0, 2], direction('the an egg'))
    assert text.mask.tolist() == [[True, True, True], [True, True, False]]


@torch.no_grad()
def test_parts_lie_at_the_front_with_their_own_weights(tiny_clip_dir):
    # No verb prompts: the object's weight must not become the verb's.
    bank = {**PLAIN, 'verb_templates': ()}
    head = {'type': PromptHeatMapHead, 'part_weights': (3, 0, 1)}
    model, whole = (
        make(tiny_clip_dir, prompts=bank, heat_map_head=head),
        make(tiny_clip_dir, heat_map_head=head),
    )
    video = video_of(model, pictures(2))

    heat = model.heatmaps(video.patches[0][:, None], model.encode_text(['crack an egg']))

    expected = whole.heatmaps(video.patches[0][:, None], whole.encode_text(['crack an egg']))
    torch.testing.assert_close(heat, expected)


@torch.no_grad()
def test_similarity_is_what_is_beyond_the_best_null_prompt(tiny_clip_dir):
    nulls = ('a table', 'nothing')
    model = make(tiny_clip_dir, prompts={**PLAIN, 'null_prompts': nulls})
    plain = make(tiny_clip_dir)
    video = video_of(model, pictures(5))

    found = model.similarity(video, model.encode_text(['flip it over', 'a table']))

    cosines = plain.similarity(video, plain.encode_text(['flip it over', 'a table', *nulls]))
    torch.testing.assert_close(found, cosines[:2] - cosines[2:].amax(dim=0))
    assert found[1].max() <= 1e-6, 'what is a null prompt itself is never found'


@torch.no_grad()
def test_prediction_uses_scores_over_time_and_both_thresholds(tiny_clip_dir):
    localizer = {'type': HysteresisTemporalLocalizer, 'margin': 0.05}
    scores = {'type': SinkhornTimeScores, 'sigma_sec': 1.0, 'strength': 0.3}
    model = make(tiny_clip_dir, localizer=localizer, time_scores=scores)
    frames, pool = pictures(12), ['crack an egg', 'flip it over', 'slice the bread']
    times = np.arange(12) * 0.5
    features, patches = model.encode_frames(frames)
    sample = GroundingSample(pool=pool, frame_times_sec=times)
    inputs = {
        'frame_features': features[None],
        'patch_features': patches[None],
        'frame_mask': torch.ones(1, 12, dtype=torch.bool),
    }
    raw = model.similarity(video_of(model, frames), model.encode_text(pool))
    expected = model.scores_over_time(raw, times, exclusive=True)
    model.pool_threshold.fill_(float(expected.amax(dim=0).median()))

    (answer,) = model.predict(inputs, [sample])

    torch.testing.assert_close(answer.similarity, expected)
    labels = model.temporal_localizer(float(model.pool_threshold)).label_frames(expected.numpy())
    assert answer.pred_labels.tolist() == labels.tolist()
    single = np.where(expected.amax(dim=0) >= model.pool_threshold, expected.argmax(dim=0), -1)
    assert (labels != single).any(), 'hysteresis keeps a frame that one threshold drops'
    assert (answer.heatmaps.sum(dim=(1, 2)) > 0).tolist() == (labels >= 0).tolist()


def test_layers_are_weighted_for_each_prompt_if_they_are_apart(tiny_siglip_dir):
    head = {'type': LayerWeightedHeatMapHead}
    with pytest.raises(ValueError, match=r'separate_layers'):
        make(tiny_siglip_dir, heat_map_head=head)
    model = make(tiny_siglip_dir, heat_map_head=head, backbone={'separate_layers': 1})
    video = video_of(model, pictures(3))

    with torch.no_grad():
        heat = model.heatmaps(video.patches[0][:, None], model.encode_text(['flip it over']))

    assert heat.shape == (3, 1, 16)
    torch.testing.assert_close(heat.sum(dim=-1), torch.ones(3, 1))


def test_a_query_alone_may_have_a_threshold_of_its_own(tiny_clip_dir):
    both, same = make(tiny_clip_dir, threshold=-0.1, query_threshold=0.2), make(tiny_clip_dir)

    thresholds = [both.pool_threshold, both.query_threshold, same.query_threshold]
    torch.testing.assert_close(torch.stack(thresholds), torch.tensor([-0.1, 0.2, 0.0]))


def test_wrong_parts_and_long_prompts_are_refused(tiny_clip_dir):
    with pytest.raises(TypeError, match='needs a SelfSelfAttentionBackbone, but got CLIPBackbone'):
        GEMGrounder(
            {'type': CLIPBackbone, 'source': str(tiny_clip_dir)},
            prompts=PLAIN,
            heat_map_head={'type': PromptHeatMapHead},
            time_scores={'type': SmoothedTimeScores},
        )
    model = make(tiny_clip_dir, prompts={**PLAIN, 'templates': ('{} ' + 'egg ' * 40,)})
    with pytest.raises(ValueError, match='tokens longer than the model reads'):
        model.encode_text(['crack'])
    with pytest.raises(ValueError, match='frame_times_sec'):
        model.scores_over_time(torch.zeros(1, 2), None, exclusive=True)
    with pytest.raises(ValueError, match='nothing to train'):
        model.loss({})
