"""What stands for a frame and for a sentence, and the gated projections."""

import pytest
import torch

from stgr.models.heads import GatedGlobalHead, GlobalHead
from stgr.structures.features import TextFeatures, VideoFeatures


@pytest.fixture
def video():
    real = torch.ones(2, 3, dtype=torch.bool)
    return VideoFeatures(torch.randn(2, 3, 4), torch.randn(2, 3, 6, 4), real, (2, 3))


@pytest.fixture
def text():
    mask = torch.tensor([[True, True, False], [False, False, False]])
    words = torch.tensor([[[1.0, -5.0], [0.0, -2.0], [9.0, 9.0]], [[7.0, 7.0]] * 3])
    return TextFeatures(torch.randn(2, 2), words, mask)


def test_frames_are_their_own_features_or_the_mean_of_their_patches(video):
    for kind, expected in (('frame', video.frames), ('patches', video.patches.mean(2))):
        head = GlobalHead(4, 4, 5, video=kind)
        torch.testing.assert_close(head.embed_frames(video), head.video_proj(expected))
        assert head.needs_patches == (kind == 'patches')


def test_sentences_are_their_own_features_or_the_largest_of_their_real_words(text):
    by_words = GlobalHead(4, 2, 5, text='words')
    expected = by_words.text_proj(torch.tensor([[1.0, -2.0], [0.0, 0.0]]))
    torch.testing.assert_close(by_words.embed_sentences(text), expected)
    plain = GlobalHead(4, 2, 5)
    torch.testing.assert_close(plain.embed_sentences(text), plain.text_proj(text.sentence))


def test_missing_patches_and_unknown_names_are_refused(video):
    without = VideoFeatures(video.frames, None, video.mask, video.grid)
    with pytest.raises(ValueError, match='averages the patches of a frame, but there are none'):
        GlobalHead(4, 4, 5, video='patches').embed_frames(without)
    with pytest.raises(ValueError, match=r"text must be one of \('sentence', 'words'\), but got"):
        GlobalHead(4, 4, 5, text='end')


def test_gate_switches_each_output_by_a_map_of_all():
    head = GatedGlobalHead(1, 1, 2)
    with torch.no_grad():
        head.video_proj.fc.weight.copy_(torch.tensor([[1.0], [2.0]]))
        head.video_proj.fc.bias.zero_()
        head.video_proj.cg.weight.copy_(torch.tensor([[0.0, 1.0], [0.0, 0.0]]))
        head.video_proj.cg.bias.zero_()

    found = head.project_video(torch.tensor([[3.0]]))

    # fc gives (3, 6); the gates are sigmoid(6) and sigmoid(0).
    expected = torch.tensor([[3 / (1 + torch.e**-6), 3.0]])
    torch.testing.assert_close(found, expected)


def test_gated_projections_cannot_start_as_the_identity():
    with pytest.raises(TypeError, match='identity_init needs a linear map, but got GatedUnit'):
        GatedGlobalHead(4, 4, 4, identity_init=True)


def test_gated_names_are_those_of_the_release():
    head = GatedGlobalHead(4, 4, 4)
    modules = {name.rpartition('.')[0] for name in head.state_dict()}
    assert set(head.official_names) == modules
