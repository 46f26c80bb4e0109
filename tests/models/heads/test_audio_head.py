"""Sound goes through the plain form of the stack: as regions with text, as words with video."""

from types import SimpleNamespace

import pytest
import torch

from stgr.models.heads import AudioHead, CrossSelfCrossHead
from stgr.structures.features import AudioFeatures

LENGTHS = torch.tensor([7, 4, 5])


@pytest.fixture
def local_head():
    torch.manual_seed(0)
    return with_biases(CrossSelfCrossHead(6, 5, 8).double())


def with_biases(module):
    for name, parameter in module.named_parameters():
        if 'bias' in name:  # zero by default, which would hide a mistake in them
            torch.nn.init.normal_(parameter)
    return module


def make_head(**options):
    torch.manual_seed(1)
    return with_biases(AudioHead(9, 8, 4, **options).double())


@pytest.fixture
def audio():
    return AudioFeatures(
        torch.randn(3, 7, 9, dtype=torch.float64), torch.arange(7) < LENGTHS[:, None]
    )


def other_side(count, width, lengths):
    mask = torch.arange(count) < torch.tensor(lengths)[:, None]
    return torch.randn(3, count, width, dtype=torch.float64), mask


@pytest.mark.parametrize('own', [True, False])
def test_scores_with_text_are_those_of_the_plain_form(local_head, audio, oracle, own):
    head = make_head(own_attention=own)
    words, mask = other_side(5, 5, [2, 5, 3])
    plain = SimpleNamespace(
        dim=8,
        training=True,
        project_video=head.project_local,
        project_text=local_head.project_text,
        video_attention=head.attention if own else local_head.video_attention,
        text_attention=local_head.text_attention,
    )

    found = head.text_scores(local_head, audio, words, mask)

    expected = oracle.score_pairwise(plain, audio.steps, words, audio.mask, mask)
    torch.testing.assert_close(found, expected, atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize('own', [True, False])
def test_scores_with_video_are_those_of_the_plain_form(local_head, audio, oracle, own):
    head = make_head(own_attention=own)
    patches, mask = other_side(6, 6, [6, 3, 6])
    plain = SimpleNamespace(
        dim=8,
        training=True,
        project_video=local_head.project_video,
        project_text=head.project_local,
        video_attention=local_head.video_attention,
        text_attention=head.attention if own else local_head.video_attention,
    )

    found = head.video_scores(local_head, patches, mask, audio)

    expected = oracle.score_pairwise(plain, patches, audio.steps, mask, audio.mask)
    torch.testing.assert_close(found, expected, atol=1e-9, rtol=1e-9)


def test_the_global_embedding_is_the_projected_mean_of_the_real_steps(audio):
    head = make_head()

    pooled = head.pool(audio)

    for clip, length in enumerate(LENGTHS.tolist()):
        mean = audio.steps[clip, :length].mean(dim=0)
        expected = head.global_proj.weight @ mean + head.global_proj.bias
        torch.testing.assert_close(pooled[clip], expected)


def test_tensors_have_the_names_and_shapes_of_the_released_ones():
    tensors = AudioHead(1024, 512, 512).state_dict()
    shapes = {
        f'{theirs}.{name.removeprefix(ours + ".")}': tuple(tensor.shape)
        for ours, theirs in AudioHead.official_names.items()
        for name, tensor in tensors.items()
        if name.startswith(f'{ours}.')
    }

    assert len(shapes) == len(tensors) == 8
    assert shapes == {
        'DAVEnet_fc.weight': (512, 1024),
        'DAVEnet_fc.bias': (512,),
        'DAVEnet_fc_g.weight': (512, 1024),
        'DAVEnet_fc_g.bias': (512,),
        'sa_layer.audio_attn_mat.in_proj_weight': (1536, 512),
        'sa_layer.audio_attn_mat.in_proj_bias': (1536,),
        'sa_layer.audio_attn_mat.out_proj.weight': (512, 512),
        'sa_layer.audio_attn_mat.out_proj.bias': (512,),
    }


def test_parts_of_a_branch_that_is_left_out_are_not_made():
    assert set(dict(AudioHead(9, None, 4).named_children())) == {'global_proj'}
    assert set(dict(AudioHead(9, 8, None).named_children())) == {'local_proj', 'attention'}
    assert set(dict(AudioHead(9, 8, None, own_attention=False).named_children())) == {'local_proj'}
