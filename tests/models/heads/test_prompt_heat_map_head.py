"""Maps of several prompts by hand, and layers weighted by what is lost without them."""

import pytest
import torch
import torch.nn.functional as F

from stgr.models.heads import LayerWeightedHeatMapHead, PromptHeatMapHead

# Four patches in a plane, at cosines 1, 0.6, 0 and -1 with the first axis.
PATCHES = torch.tensor([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0], [-1.0, 0.0]])[None, None]
ACTION, VERB, OBJECT = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
PARTS = torch.stack([ACTION, VERB, OBJECT])[None]


class Plain:
    """Patches that are embedded already."""

    def embed_patches(self, patches, weights=None):
        return patches


class Layers:
    """Two layers whose sum is the embedding; a frame is the mean of its patches."""

    separate_weights = (1.0, 0.5)

    def embed_patches(self, patches, weights=None):
        return (patches.unflatten(-1, (2, -1)) * weights[..., None, :, None]).sum(dim=-2)

    def embed_without_each(self, patches):
        kept = [self.embed_patches(patches, torch.tensor(w)) for w in ([0.0, 0.5], [1.0, 0.0])]
        return torch.stack([patch.mean(dim=-2) for patch in kept], dim=-2)


def maps(head, mask):
    return head(PATCHES, PARTS, torch.tensor([mask]), Plain())[0, 0]


def test_the_action_alone_is_its_cosines_from_least_to_most():
    heat = maps(PromptHeatMapHead((1, 0, 0)), [True, True, True])

    scaled = torch.tensor([1.0, 0.8, 0.5, 0.0])
    torch.testing.assert_close(heat, scaled / scaled.sum())


def test_three_maps_are_averaged_by_their_weights():
    heat = maps(PromptHeatMapHead((3, 1, 1)), [True, True, True])

    action, verb = torch.tensor([1.0, 0.8, 0.5, 0.0]), torch.tensor([0.0, 0.8, 1.0, 0.0])
    mean = (3 * action + verb + (1 - action)) / 5
    torch.testing.assert_close(heat, mean / mean.sum())


def test_a_part_that_a_query_lacks_weighs_nothing():
    whole = maps(PromptHeatMapHead((3, 1, 0)), [True, True, True])

    torch.testing.assert_close(maps(PromptHeatMapHead((3, 1, 7)), [True, True, False]), whole)


def test_a_batch_of_queries_is_each_of_them():
    generator = torch.Generator().manual_seed(0)
    patches, parts = torch.randn(3, 2, 5, 4, generator=generator), torch.randn(3, 3, 4)
    mask = torch.tensor([[True, True, True], [True, False, False], [True, True, False]])
    head = PromptHeatMapHead()

    together = head(patches, parts, mask, Plain())

    for i in range(3):
        one = slice(i, i + 1)
        alone = head(patches[one], parts[one], mask[one], Plain())
        torch.testing.assert_close(together[one], alone)
    torch.testing.assert_close(together.sum(dim=-1), torch.ones(3, 2))


def test_equal_patches_have_an_even_map():
    heat = PromptHeatMapHead()(torch.ones(1, 1, 4, 2), PARTS, torch.ones(1, 3).bool(), Plain())

    torch.testing.assert_close(heat, torch.full((1, 1, 4), 0.25))


def test_layers_weigh_more_the_more_is_lost_without_them():
    # Both patches: layer 1 says the first axis, layer 2 the second.
    patches = torch.tensor([1.0, 0.0, 0.0, 1.0]).expand(1, 2, 4)
    head = LayerWeightedHeatMapHead(sharpness=2.0)

    weights = head.layer_weights(patches, ACTION[None, None], Layers())[0, 0]

    # Without layer 1 the cosine with the action is 0, without layer 2 it is 1.
    shares = torch.tensor([0.0, -2.0]).softmax(dim=0)
    torch.testing.assert_close(weights, torch.tensor([1.0, 0.5]) + shares - 0.5)


def test_dynamic_maps_are_those_of_each_frame_with_its_own_weights():
    generator = torch.Generator().manual_seed(0)
    patches = torch.randn(3, 20, 5, 4, generator=generator)  # 60 frames: more than one portion
    parts = F.normalize(torch.randn(3, 2, 2, generator=generator), dim=-1)
    head, layers = LayerWeightedHeatMapHead((3, 1, 1)), Layers()

    heat = head(patches, parts, torch.ones(3, 2).bool(), layers)

    for n, t in [(0, 0), (1, 13), (2, 19)]:
        frame = patches[n, t]
        scaled = []
        for part in parts[n]:
            weights = head.layer_weights(frame[None], part[None, None], layers)[0, 0]
            cosine = F.normalize(layers.embed_patches(frame, weights), dim=-1) @ part
            scaled.append((cosine - cosine.min()) / (cosine.max() - cosine.min()))
        mean = (3 * scaled[0] + scaled[1]) / 4
        torch.testing.assert_close(heat[n, t], mean / mean.sum())


@pytest.mark.parametrize('wrong', [(1, 1), (0, 1, 1), (1, -1, 0)])
def test_wrong_weights_are_refused(wrong):
    with pytest.raises(ValueError, match='three numbers'):
        PromptHeatMapHead(wrong)


def test_negative_sharpness_is_refused():
    with pytest.raises(ValueError, match='sharpness'):
        LayerWeightedHeatMapHead(sharpness=-1)
