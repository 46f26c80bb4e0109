"""A local head of cross-attention, then self-attention."""

from typing import Any, TypedDict

from torch import nn

from stgr.models.heads.attention_head import AttentionHead
from stgr.ops.attention_stack import AttentionStack, AttentionWeights
from stgr.ops.cross_attention import CrossSelf
from stgr.registry import MODELS


class Switches(TypedDict):
    """What all stacks with a self-attention are told."""

    scale: float
    identity: bool


@MODELS.register_module()
class CrossSelfHead(AttentionHead):
    """Cross-attend without weights or residual, then self-attend with both (Table 8).

    The paper does not define its shorter stacks, and their code is missing from the release: these
    are the first layers of the whole one. Arguments are those of ``AttentionHead``.
    """

    def __init__(self, video_dim: int, text_dim: int, dim: int, **options: Any) -> None:
        super().__init__(video_dim, text_dim, dim, **options)
        # Only their tensors are used: a stack of ``stgr.ops`` does the attention.
        self.video_attention = nn.MultiheadAttention(dim, num_heads=1, batch_first=True)
        self.text_attention = nn.MultiheadAttention(dim, num_heads=1, batch_first=True)

    def stack(self) -> AttentionStack:
        """Return weights and switches of the two layers."""
        return CrossSelf(*self.both_weights(), **self.switches())

    def both_weights(self) -> tuple[AttentionWeights, AttentionWeights]:
        """Return the tensors of both self-attentions, video first."""
        return attention_weights(self.video_attention), attention_weights(self.text_attention)

    def switches(self) -> Switches:
        """Return what training or evaluation asks for, now."""
        return {'scale': self.scale, 'identity': self.identity_in_heat}


def attention_weights(attention: nn.MultiheadAttention) -> AttentionWeights:
    """Return the tensors of a single-head self-attention as the maths wants them."""
    return AttentionWeights(
        attention.in_proj_weight,
        attention.in_proj_bias,
        attention.out_proj.weight,
        attention.out_proj.bias,
    )
