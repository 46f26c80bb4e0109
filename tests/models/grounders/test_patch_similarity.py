"""Maps of patch cosines, by hand."""

import torch

from stgr.models.grounders.patch_similarity import patch_similarity_maps


def test_cosines_are_shifted_to_zero_and_scaled_to_one():
    patches = torch.tensor([[[[2.0, 0.0], [0.0, 3.0], [-1.0, 0.0]]]])
    text = torch.tensor([[5.0, 0.0]])

    maps = patch_similarity_maps(patches, text)  # cosines 1, 0, -1

    torch.testing.assert_close(maps, torch.tensor([[[2 / 3, 1 / 3, 0.0]]]))


def test_patches_that_are_alike_give_an_even_map():
    maps = patch_similarity_maps(torch.ones(1, 2, 4, 2), torch.ones(1, 2))

    torch.testing.assert_close(maps, torch.full((1, 2, 4), 0.25))


def test_a_text_of_zeros_gives_an_even_map():
    maps = patch_similarity_maps(torch.randn(1, 2, 4, 2), torch.zeros(1, 2))

    torch.testing.assert_close(maps, torch.full((1, 2, 4), 0.25))
