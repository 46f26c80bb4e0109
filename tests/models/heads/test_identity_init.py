import pytest
import torch

from stgr.models.heads import CrossSelfCrossHead, GlobalHead


@pytest.mark.parametrize('head_class', [GlobalHead, CrossSelfCrossHead])
def test_identity_start_returns_the_backbones_features(head_class):
    head = head_class(8, 8, 8, identity_init=True)
    features = torch.randn(3, 8)

    torch.testing.assert_close(head.project_video(features), features)
    torch.testing.assert_close(head.project_text(features), features)


@pytest.mark.parametrize('head_class', [GlobalHead, CrossSelfCrossHead])
def test_identity_start_needs_equal_widths(head_class):
    with pytest.raises(ValueError, match='identity_init needs dim = 6'):
        head_class(6, 8, 8, identity_init=True)
