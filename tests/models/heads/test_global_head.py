"""Global head: masked means, raw products for the loss, cosines for inference."""

import pytest
import torch

from stgr.models.heads import GlobalHead
from stgr.registry import MODELS


@pytest.fixture
def head():
    torch.manual_seed(0)
    return GlobalHead(3, 4, 2)


def test_projections_are_linear_maps_of_their_own(head):
    frames, text = torch.randn(2, 5, 3), torch.randn(2, 4)

    expected_video = frames @ head.video_proj.weight.T + head.video_proj.bias
    expected_text = text @ head.text_proj.weight.T + head.text_proj.bias

    torch.testing.assert_close(head.project_video(frames), expected_video)
    torch.testing.assert_close(head.project_text(text), expected_text)


@pytest.mark.parametrize(
    ('mask', 'expected'),
    [
        ([True, True, True], [3.0, 0.0]),
        ([True, True, False], [1.5, 0.5]),
        ([False, True, False], [2.0, 1.0]),
        ([False, False, False], [0.0, 0.0]),  # no real frame: zero, not NaN
    ],
)
def test_pool_is_the_mean_of_the_real_frames(head, mask, expected):
    frames = torch.tensor([[[1.0, 0.0], [2.0, 1.0], [6.0, -1.0]]])

    pooled = head.pool(frames, torch.tensor([mask]))

    assert pooled.tolist() == [expected]


def test_pool_without_a_mask_takes_all_frames(head):
    assert head.pool(torch.tensor([[[1.0, 0.0], [2.0, 4.0]]])).tolist() == [[1.5, 2.0]]


def test_scores_are_raw_products_with_videos_as_rows(head):
    video = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    text = torch.tensor([[3.0, 4.0], [-1.0, 1.0]])

    assert head.scores(video, text).tolist() == [[3.0, -1.0], [8.0, 2.0]]


def test_similarity_is_the_cosine_with_queries_as_rows(head):
    frames = torch.tensor([[2.0, 0.0], [0.0, 0.5], [0.0, 0.0]])
    queries = torch.tensor([[3.0, 4.0]])

    torch.testing.assert_close(head.similarity(frames, queries), torch.tensor([[0.6, 0.8, 0.0]]))


@pytest.mark.parametrize('name', ['scores', 'similarity'])
def test_products_are_float32_under_autocast(head, name):
    video, text = torch.randn(3, 2), torch.randn(4, 2)
    exact = getattr(head, name)(video.bfloat16().float(), text.bfloat16().float())

    with torch.autocast('cpu', dtype=torch.bfloat16):
        result = getattr(head, name)(video.bfloat16(), text.bfloat16())

    assert result.dtype == torch.float32
    torch.testing.assert_close(result, exact)


def test_head_is_built_from_a_config():
    head = MODELS.build(dict(type='GlobalHead', video_dim=3, text_dim=4, dim=2))

    assert isinstance(head, GlobalHead)
