"""The global head that goes on from where MIL-NCE's last layers ended."""

from pathlib import Path
from typing import ClassVar

from stgr.io.weight_files import read_weights
from stgr.models.heads.global_head import GlobalHead
from stgr.registry import MODELS


@MODELS.register_module()
class MILNCEGlobalHead(GlobalHead):
    """A global head that starts as the last layers of a released MIL-NCE.

    Its space is MIL-NCE's own, so without training this is MIL-NCE; the authors start the paper's
    S3D rows so too (GroundingYouTube ``main_distributed.py``, ``--from_mil``).

    Args:
        video_dim: Width of the frame features.
        text_dim: Width of the sentence and word features.
        dim: Shared width D.
        weights: The released file, as given to ``S3DBackbone``, or ``global_head.safetensors``, to
            which ``tools/model_zoo/convert_official.py s3d`` converts its last layers.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged or lacks these layers, or their sizes differ.
    """

    released_names: ClassVar[dict[str, str]] = {
        'video_proj': 'fc',
        'text_proj': 'text_module.fc2',
    }
    """Our modules and their names in the released file; tensor names agree."""

    def __init__(
        self, video_dim: int, text_dim: int, dim: int = 512, *, weights: str | Path
    ) -> None:
        super().__init__(video_dim, text_dim, dim)
        released = read_weights(weights)
        names = {
            f'{ours}.{part}': f'{theirs}.{part}'
            for ours, theirs in self.released_names.items()
            for part in ('weight', 'bias')
        }
        own = self.state_dict()
        found = {
            name: released.get(theirs, released.get(f'global_head.{name}'))
            for name, theirs in names.items()
        }
        faults = [
            f'{names[name]} {"missing" if tensor is None else tuple(tensor.shape)} instead of '
            f'{tuple(own[name].shape)}'
            for name, tensor in found.items()
            if tensor is None or tensor.shape != own[name].shape
        ]
        if faults:
            raise ValueError(f'{weights} holds no global head of this size: {", ".join(faults)}')
        self.load_state_dict(found)
