"""Encoders whose weights can be kept as they are, in files of their own."""

from typing import Any, Self

import torch
from torch import Tensor

from stgr.models.backbones.base import GroundingBackbone


class FreezableBackbone(GroundingBackbone):
    """A backbone that, if frozen, never changes and is no part of checkpoints.

    Frozen means: no gradient, evaluation mode always (batch norms keep their statistics), and
    checkpoints, which stay small, hold the fingerprint of the weights instead of the weights. They
    load strictly into a model with the same frozen weights.

    Attributes:
        frozen: Whether it is; set by ``freeze`` at the end of a constructor.
    """

    frozen: bool = False

    def freeze(self) -> None:
        """Keep the weights as they are from now on."""
        self.frozen = True
        self.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> Self:
        """Set the mode; a frozen encoder stays in evaluation mode."""
        return super().train(mode and not self.frozen)

    def state_dict(self, *args: Any, **kwargs: Any) -> dict[str, Any]:  # type: ignore[override]
        """Return the weights; if frozen, which are a file of their own, their sha256 instead."""
        state: dict[str, Any] = super().state_dict(*args, **kwargs)
        if self.frozen:
            prefix = kwargs.get('prefix', '')
            for name in self._weights():
                del state[f'{prefix}{name}']
            sha256 = list(bytes.fromhex(self.fingerprint))
            state[f'{prefix}fingerprint'] = torch.tensor(sha256, dtype=torch.uint8)
        return state

    def _weights(self) -> dict[str, Tensor]:
        return super().state_dict()

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *args: Any, **kwargs: Any
    ) -> None:
        """Accept checkpoints without the frozen encoder: its own weights stand in."""
        if self.frozen:
            state_dict.pop(f'{prefix}fingerprint', None)  # compared by ``load_weights``
            for name, value in self._weights().items():
                state_dict.setdefault(f'{prefix}{name}', value)
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)
