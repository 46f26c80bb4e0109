"""Stack packed clips into a batch in the form that one backbone expects."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.model import BaseDataPreprocessor
from torch import Tensor

from stgr.ops.log_mel import FLOOR_DB
from stgr.structures.grounding_sample import GroundingSample

Tokenizer = Callable[[Sequence[str]], tuple[Tensor, Tensor]]
AUDIO_PADDING = {'audio': FLOOR_DB, 'audio_mask': False}


class ClipPreprocessor(BaseDataPreprocessor):
    """Frames to normalised squares, narrations to tokens, everything to one device.

    It is made by the model from its backbone, never by hand: resolution, statistics and tokenizer
    belong to the weights, and written into a config they could drift apart from them.

    Args:
        image_size: Side of the square input in pixels; frames are squashed to it, so that the
            patch grid covers the whole frame.
        mean, std: Statistics of the input, RGB in [0, 1].
        tokenize: Sentences to (token ids, mask), both (B, N).
    """

    def __init__(
        self,
        image_size: int,
        mean: Sequence[float],
        std: Sequence[float],
        tokenize: Tokenizer,
    ) -> None:
        super().__init__()
        self.image_size = image_size
        self.tokenize = tokenize
        self.register_buffer('mean', torch.tensor(mean)[:, None, None], persistent=False)
        self.register_buffer('std', torch.tensor(std)[:, None, None], persistent=False)

    def forward(self, data: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Return ``inputs`` of stacked tensors and the list ``data_samples``.

        Args:
            data: ``inputs`` (one tensor per clip in a list under each key) and ``data_samples``.
            training: Not used: evaluation sees the same preprocessing.

        Returns:
            ``inputs``: ``frame_mask`` (B, U) bool, and ``frames`` (B, U, 3, S, S) float32 or
            ``frame_features`` (B, U, C) and ``patch_features`` (B, U, P, C), float32; for clips
            with a narration ``token_ids`` and ``token_mask`` (B, N); for clips with sound
            ``audio`` (B, 40, N), ``audio_mask`` (B, N) and ``heard_at_sec`` (B, U), shorter ones
            filled up with masked silence.
        """
        del training
        data = self.cast_data(data)
        samples: list[GroundingSample] = data['data_samples']
        # Autocast to bfloat16 cannot stack the float16 of stored features.
        with torch.autocast(self.device.type, enabled=False):
            padded = {key: _padded(key, clips) for key, clips in data['inputs'].items()}
            inputs = {key: torch.stack(clips) for key, clips in padded.items()}
        if 'frames' in inputs:
            inputs['frames'] = self.normalise(inputs['frames'])
        for key in ('frame_features', 'patch_features'):
            if key in inputs:
                inputs[key] = inputs[key].float()
        inputs['frame_mask'] = torch.stack([sample.frame_mask for sample in samples])
        if all('narration' in sample for sample in samples):
            token_ids, token_mask = self.tokenize([sample.narration for sample in samples])
            inputs['token_ids'] = token_ids.to(self.device)
            inputs['token_mask'] = token_mask.to(self.device)
        return {'inputs': inputs, 'data_samples': samples}

    def normalise(self, frames: Tensor) -> Tensor:
        """Return frames as the backbone wants them.

        Args:
            frames: RGB pictures of any size in [0, 255], (..., 3, H, W), uint8 as a rule; they stay
                as they are.

        Returns:
            Squashed and normalised pictures, (..., 3, S, S) float32.
        """
        pixels = frames.flatten(0, -4).float()
        side = (self.image_size, self.image_size)
        if pixels.shape[-2:] != side:
            pixels = F.interpolate(
                pixels, size=side, mode='bilinear', align_corners=False, antialias=True
            )
        elif pixels.dtype == frames.dtype:  # not converted: the pictures are still the caller's
            pixels = pixels.clone()
        pixels.div_(255).sub_(self.mean).div_(self.std)  # in place: new ones would be three times
        return pixels.unflatten(0, frames.shape[:-3])


def _padded(key: str, clips: Sequence[Tensor]) -> list[Tensor]:
    """Return the clips as they are, but their sound, which may differ, at one length."""
    if key not in AUDIO_PADDING:
        return list(clips)
    longest = max(clip.shape[-1] for clip in clips)
    return [F.pad(clip, (0, longest - clip.shape[-1]), value=AUDIO_PADDING[key]) for clip in clips]
