"""The global head with gated projections."""

from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor, nn

from stgr.models.heads.global_head import GlobalHead
from stgr.registry import MODELS


class GatedUnit(nn.Module):
    """A linear map whose outputs a second one switches: ``y = W x``, ``y * sigmoid(V y)``.

    Context gating of Miech et al. (2018), as in the released code of the paper.

    Args:
        in_dim: Width of the input.
        out_dim: Width of the output.
    """

    def __init__(self, in_dim: int, out_dim: int) -> None:
        super().__init__()
        self.fc = nn.Linear(in_dim, out_dim)
        self.cg = nn.Linear(out_dim, out_dim)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the gated outputs, (..., in_dim) -> (..., out_dim)."""
        outputs = self.fc(inputs)
        return outputs * F.sigmoid(self.cg(outputs))


@MODELS.register_module()
class GatedGlobalHead(GlobalHead):
    """A global head whose projections are gated (``--gating_feature`` of the released code).

    Not linear: the mean of a clip is that of its projected frames, which is what ``pool`` takes.
    It cannot start as the identity. Arguments are those of ``GlobalHead``.
    """

    official_names: ClassVar[dict[str, str]] = {
        'video_proj.fc': 'vis_proj_mat_g.fc',
        'video_proj.cg': 'vis_proj_mat_g.cg.fc',
        'text_proj.fc': 'lang_proj_mat_g.fc',
        'text_proj.cg': 'lang_proj_mat_g.cg.fc',
    }

    def make_projection(self, width: int) -> nn.Module:
        """Return the gated map of one modality into the shared space."""
        return GatedUnit(width, self.dim)
