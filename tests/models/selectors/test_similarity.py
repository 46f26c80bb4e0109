"""Every pairing of Table 5 equals sums over cosines of single vectors."""

import pytest
import torch
import torch.nn.functional as F

from stgr.models.selectors import FrameTextSimilarity, TopKSelector
from stgr.structures.features import TextFeatures, VideoFeatures


@pytest.fixture
def clip():
    generator = torch.Generator().manual_seed(0)
    video = VideoFeatures(
        torch.randn(2, 5, 8, generator=generator),
        torch.randn(2, 5, 6, 8, generator=generator),
        torch.ones(2, 5, dtype=torch.bool),
        (2, 3),
    )
    mask = torch.tensor([[True, True, False], [True, True, True]])
    text = TextFeatures(
        torch.randn(2, 8, generator=generator), torch.randn(2, 3, 8, generator=generator), mask
    )
    return video, text


def cosine(one, other):
    return F.cosine_similarity(one, other, dim=0).item()


def frame_by_hand(video, kind, b, u, vector):
    of_patches = sum(cosine(patch, vector) for patch in video.patches[b, u]) / 6
    of_frame = cosine(video.frames[b, u], vector)
    return {'frame': of_frame, 'patches': of_patches, 'both': (of_frame + of_patches) / 2}[kind]


@pytest.mark.parametrize('text_side', ['sentence', 'words'])
@pytest.mark.parametrize('video_side', ['frame', 'patches', 'both'])
def test_matrix_equals_cosines_one_by_one(clip, video_side, text_side):
    video, text = clip

    found, mask = FrameTextSimilarity(video_side, text_side)(video, text)

    assert found.shape == (2, 5, 1 if text_side == 'sentence' else 3)
    assert mask.tolist() == ([[True]] * 2 if text_side == 'sentence' else text.mask.tolist())
    for b in range(2):
        vectors = text.sentence[b][None] if text_side == 'sentence' else text.words[b]
        for u in range(5):
            for k, vector in enumerate(vectors):
                expected = frame_by_hand(video, video_side, b, u, vector)
                assert found[b, u, k].item() == pytest.approx(expected, abs=1e-5)


def test_frames_are_ranked_by_the_mean_over_real_words(clip):
    video, text = clip
    scores = TopKSelector(5, text='words').score(video, text, None)
    for b, real in enumerate((2, 3)):
        for u in range(5):
            cosines = [cosine(video.frames[b, u], word) for word in text.words[b, :real]]
            assert scores[b, u].item() == pytest.approx(sum(cosines) / real, abs=1e-5)


def test_patches_that_are_missing_are_named(clip):
    video, text = clip
    without = VideoFeatures(video.frames, None, video.mask, video.grid)
    with pytest.raises(ValueError, match="video='both' selects by patches, but there are none"):
        FrameTextSimilarity('both', 'words')(without, text)
