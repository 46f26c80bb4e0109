"""A local head of self-attention, then cross-attention."""

from stgr.models.heads.cross_self_head import CrossSelfHead
from stgr.ops.attention_stack import AttentionStack
from stgr.ops.shorter_stacks import SelfCross
from stgr.registry import MODELS


@MODELS.register_module()
class SelfCrossHead(CrossSelfHead):
    """Self-attend inside each modality, then cross-attend once, without residual (Table 8).

    See ``CrossSelfHead``. Arguments are those of ``AttentionHead``.
    """

    def numbers_per_video(self, cells: int, regions: int) -> int:
        """Return the size of the largest tensor; the regions also attend to each other."""
        return max(super().numbers_per_video(cells, regions), regions * regions)

    def stack(self) -> AttentionStack:
        """Return weights and switches of the two layers."""
        return SelfCross(*self.both_weights(), **self.switches())
