"""The paper's local head: cross-attention, self-attention, cross-attention."""

from typing import ClassVar

from stgr.models.heads.cross_self_head import CrossSelfHead
from stgr.ops.attention_stack import AttentionStack
from stgr.ops.cross_attention import CrossSelfCross
from stgr.registry import MODELS


@MODELS.register_module()
class CrossSelfCrossHead(CrossSelfHead):
    """Cross-attend, self-attend, cross-attend again ("What, When, and Where?", CVPR 2024, Sec. 3).

    The first cross-attention has no weights and no residual, the self-attention both, the second
    cross-attention a residual and no weights (GroundingYouTube, ``s3dg_clip.py``). All pairs of a
    batch are computed in word space, see ``stgr.ops.cross_attention``. Arguments are those of
    ``AttentionHead``.
    """

    official_names: ClassVar[dict[str, str]] = {
        'video_proj': 'vis_proj_mat.0',
        'text_proj': 'lang_proj_mat.0',
        'video_attention': 'sa_layer.vis_attn_mat',
        'text_attention': 'sa_layer.text_attn_mat',
    }
    """Our modules and their names in the released checkpoints; tensor names agree."""

    def stack(self) -> AttentionStack:
        """Return weights and switches of the three layers."""
        return CrossSelfCross(*self.both_weights(), **self.switches(), residual=self.residual)
