"""A local head of two cross-attentions."""

from typing import Any

from stgr.models.heads.attention_head import AttentionHead
from stgr.ops.attention_stack import AttentionStack
from stgr.ops.shorter_stacks import CrossCross
from stgr.registry import MODELS


@MODELS.register_module()
class CrossCrossHead(AttentionHead):
    """Cross-attend twice, the second time with a residual; only projections learn (Table 8).

    See ``CrossSelfHead``. Arguments are those of ``AttentionHead``; without a self-attention
    ``identity_in_heat`` changes nothing and is refused.

    Raises:
        ValueError: If ``identity_in_heat`` is asked for.
    """

    def __init__(self, video_dim: int, text_dim: int, dim: int, **options: Any) -> None:
        super().__init__(video_dim, text_dim, dim, **options)
        if self.identity_in_heat:
            raise ValueError('identity_in_heat counts the residual of a self-attention: none here')

    def stack(self) -> AttentionStack:
        """Return the switches of the two layers."""
        return CrossCross(scale=self.scale, residual=self.residual)
