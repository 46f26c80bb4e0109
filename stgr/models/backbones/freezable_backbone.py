"""Encoders whose weights can be kept as they are, in files of their own."""

import hashlib
from abc import abstractmethod
from typing import Any, Self

import torch
from torch import Tensor

from stgr.models.backbones.base import GroundingBackbone


class FreezableBackbone(GroundingBackbone):
    """A backbone that, if frozen, never changes and is no part of checkpoints.

    Frozen means: no gradient, evaluation mode always (batch norms keep their statistics), and
    checkpoints, which stay small, hold the fingerprint of the weights instead of the weights. They
    load strictly into a model with the same frozen weights. Whether frozen or not, they fit only
    one with the same settings.

    Attributes:
        frozen: Whether it is; set by ``freeze`` at the end of a constructor.
    """

    frozen: bool = False

    @abstractmethod
    def settings(self) -> list[str]:
        """Return what changes features besides the weights; part of ``fingerprint``."""

    def freeze(self) -> None:
        """Keep the weights as they are from now on."""
        self.frozen = True
        self.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> Self:
        """Set the mode; a frozen encoder stays in evaluation mode."""
        return super().train(mode and not self.frozen)

    def state_dict(self, *args: Any, **kwargs: Any) -> dict[str, Any]:  # type: ignore[override]
        """Return the weights and the sha256 of the settings; if frozen, one of both instead."""
        state: dict[str, Any] = super().state_dict(*args, **kwargs)
        prefix = kwargs.get('prefix', '')
        sha256 = hashlib.sha256('\n'.join(self.settings()).encode()).hexdigest()
        if self.frozen:
            for name in self._weights():
                del state[f'{prefix}{name}']
            sha256 = self.fingerprint
        state[f'{prefix}fingerprint'] = torch.tensor(list(bytes.fromhex(sha256)), dtype=torch.uint8)
        return state

    def _weights(self) -> dict[str, Tensor]:
        return super().state_dict()

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *args: Any, **kwargs: Any
    ) -> None:
        """Accept checkpoints without the frozen encoder: its own weights stand in."""
        state_dict.pop(f'{prefix}fingerprint', None)  # compared by ``load_weights``
        if self.frozen:
            for name, value in self._weights().items():
                state_dict.setdefault(f'{prefix}{name}', value)
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)
