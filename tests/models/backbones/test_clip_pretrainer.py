"""The pretraining loss, redone pair by pair."""

import math

import pytest
import torch

from stgr.models.backbones import CLIPPretrainer

LAYERS = {
    'hidden_size': 16, 'intermediate_size': 16, 'num_hidden_layers': 1, 'num_attention_heads': 1
}  # fmt: skip


@pytest.fixture(scope='module')
def pretrainer(tiny_clip_dir):
    text = {**LAYERS, 'max_position_embeddings': 12}
    vision = {**LAYERS, 'image_size': 16, 'patch_size': 8}
    return CLIPPretrainer(
        tiny_clip_dir, text=text, vision=vision, projection_dim=8, autocast=False
    ).eval()


@pytest.fixture
def batch():
    """Pictures 0 and 1 have one caption; 2 shows the same step as 0 in other words; 3 none."""
    return {
        'image': torch.randint(0, 256, (4, 16, 16, 3), dtype=torch.uint8),
        'caption': ['crack an egg', 'crack an egg', 'break the egg', 'an empty table'],
        'step': ['crack', 'crack', 'crack', ''],
    }


def loss_by_hand(scores, positives, allowed):
    """-log of the positives' share of each row's softmax, mean over rows."""
    total = 0.0
    for i, row in enumerate(scores.tolist()):
        shares = {j: math.exp(s) for j, s in enumerate(row) if (i, j) in allowed}
        total -= math.log(sum(v for j, v in shares.items() if (i, j) in positives))
        total += math.log(sum(shares.values()))
    return total / len(scores)


def test_loss_equals_the_pairs_by_hand(pretrainer, batch):
    image_embeds, text_embeds = pretrainer(**batch, mode='tensor')
    scores = pretrainer.clip.logit_scale.exp() * image_embeds @ text_embeds.T
    positives = {(0, 0), (0, 1), (1, 0), (1, 1), (2, 2), (3, 3)}
    # The same step in other words is neither positive nor negative.
    allowed = positives | {(0, 3), (1, 3), (2, 3), (3, 0), (3, 1), (3, 2)}
    expected = (
        loss_by_hand(scores, positives, allowed) + loss_by_hand(scores.T, positives, allowed)
    ) / 2

    assert pretrainer(**batch)['loss'].item() == pytest.approx(expected, rel=1e-4)


def test_embeddings_are_unit_vectors_and_padding_does_not_change_them(pretrainer, batch):
    image_embeds, text_embeds = pretrainer(**batch, mode='tensor')

    alone = pretrainer.embed_texts([batch['caption'][0]])

    torch.testing.assert_close(text_embeds[0], alone[0], atol=1e-5, rtol=0)
    torch.testing.assert_close(image_embeds.norm(dim=-1), torch.ones(4))
