"""Hand a clip over to the model: inputs and what must be known about them."""

from typing import Any, ClassVar

import numpy as np
import torch
from einops import rearrange

from stgr.datasets.transforms.clip_transform import ClipTransform
from stgr.registry import TRANSFORMS
from stgr.structures.grounding_sample import FIELDS, GroundingSample

# What goes to the model as it is.
INPUTS = ('frame_features', 'patch_features', 'audio', 'audio_mask', 'heard_at_sec')
# Names that differ: a sample also holds predictions, so its truth says so.
RENAMED = {'boxes_px': 'gt_boxes_px', 'kind': 'query_kind'}


@TRANSFORMS.register_module()
class PackClip(ClipTransform):
    """Returns ``inputs`` and ``data_samples`` and drops the rest.

    * ``inputs``: ``frames`` (U, 3, H, W) uint8, or ``frame_features`` (U, C) and, where there are,
      ``patch_features`` (U, P, C) float16; also ``audio`` (40, N) float32, ``audio_mask`` (N,) bool
      and ``heard_at_sec`` (U,) float32 where the sound was loaded.
    * ``data_samples``: a ``GroundingSample`` with all of its fields that the clip has; arrays as
      tensors, fields that are None left unset, ``frame_mask`` all True if no step made one.
    """

    required_keys: ClassVar[tuple[str, ...]] = ('video_id', 'frame_times_sec')
    added_keys: ClassVar[tuple[str, ...]] = ('inputs', 'data_samples')

    def apply(self, results: dict[str, Any]) -> dict[str, Any]:
        """Return inputs and sample.

        Raises:
            KeyError: If the clip has neither frames nor features.
        """
        if 'frames' not in results and 'frame_features' not in results:
            raise KeyError(self.missing('frames', results) + '; or frame_features')
        return {'inputs': _inputs(results), 'data_samples': _sample(results)}

    def merge(self, results: dict[str, Any], added: dict[str, Any]) -> dict[str, Any]:
        """Return inputs and sample only."""
        return added


def _inputs(results: dict[str, Any]) -> dict[str, torch.Tensor]:
    inputs = {key: torch.as_tensor(results[key]) for key in INPUTS if key in results}
    if 'frames' in results:
        frames = torch.as_tensor(results['frames'])
        inputs['frames'] = rearrange(frames, 'u h w c -> u c h w').contiguous()
    return inputs


def _sample(results: dict[str, Any]) -> GroundingSample:
    mask = np.ones(len(results['frame_times_sec']), dtype=bool)
    named = {RENAMED.get(key, key): value for key, value in results.items()}
    known = {'frame_mask': mask, **named}
    return GroundingSample(
        **{
            field: torch.as_tensor(known[field])
            if isinstance(known[field], np.ndarray)
            else known[field]
            for field in FIELDS
            if known.get(field) is not None
        }
    )
