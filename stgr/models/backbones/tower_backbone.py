"""A backbone of towers, of which any lower part can be kept as it is."""

import difflib
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from stgr.models.backbones.base import GroundingBackbone
from stgr.models.backbones.clip_loading import combined_sha256, fingerprint

Frozen = bool | Mapping[str, bool | int]


@dataclass(frozen=True)
class Tower:
    """An encoder from its input up: a stem, layers of one kind, and what stands above the last.

    Args:
        parts: Modules that it is made of, together.
        layers: Its layers, from the input up.
        top: Modules above the last layer. What is neither layer nor top is the stem.
    """

    parts: tuple[nn.Module, ...]
    layers: Sequence[nn.Module]
    top: tuple[nn.Module, ...]

    def above(self, frozen: bool | int) -> list[nn.Module]:
        """Return the modules that learn if all (True), nothing (False) or n layers are frozen."""
        if isinstance(frozen, bool):
            return [] if frozen else list(self.parts)
        return [*self.layers[frozen:], *self.top]

    def depths(self) -> dict[int, int]:
        """Return of each parameter, by its ``id``, how many steps it lies below the top.

        0 in the top, 1 in the last of N layers, N in the first one, N + 1 in the stem.
        """
        count = len(self.layers)
        depths = {id(p): count + 1 for part in self.parts for p in part.parameters()}
        for i, layer in enumerate(self.layers):
            depths |= {id(p): count - i for p in layer.parameters()}
        return depths | {id(p): 0 for part in self.top for p in part.parameters()}


class TowerBackbone(GroundingBackbone):
    """An encoder pair with towers ``vision`` and ``text`` that learn wholly, partly or not at all.

    What is frozen has no gradient, keeps no activations, stays in evaluation mode, and is a file of
    its own: a checkpoint holds what learns, and the sha256 of the rest and of the settings in
    ``fingerprint``, so that it fits no other one. ``load_weights`` compares them.

    A subclass builds the module named ``encoder_name``, says in ``towers`` what it consists of, and
    calls ``freeze`` last.
    """

    encoder_name: ClassVar[str] = 'encoder'
    """The attribute that holds all weights."""

    @abstractmethod
    def towers(self) -> dict[str, Tower]:
        """Return the towers, ``vision`` and ``text``."""

    def settings(self) -> list[str]:
        """Return what changes features besides the weights, nothing if all is the default."""
        return []

    def freeze(self, frozen: Frozen) -> None:
        """Keep parts of the towers as they are.

        Args:
            frozen: True for everything, False for nothing, or by tower: True, False, or the number
                of layers, counted from the input, that are frozen together with the stem. A tower
                that is not named is frozen.

        Raises:
            ValueError: If a tower is unknown or has fewer layers.
        """
        towers = self.towers()
        wanted = _by_tower(frozen, towers)
        above = {name: tower.above(wanted[name]) for name, tower in towers.items()}
        self._learning = [module for modules in above.values() for module in modules]
        self._tower_learns = {name: bool(modules) for name, modules in above.items()}
        self.requires_grad_(False)
        for module in self._learning:
            module.requires_grad_(True)
        self.train(self.training)

    def train(self, mode: bool = True) -> 'TowerBackbone':
        """Set the mode; what is frozen stays in evaluation mode."""
        super().train(False)
        self.training = mode and bool(self._learning)
        for module in self._learning:
            module.train(mode)
        return self

    @property
    def video_learns(self) -> bool:
        """Whether the features of a frame change in training."""
        return self._tower_learns['vision']

    @property
    def fingerprint(self) -> str:
        """sha256 of the weights as they are now, and of the settings that are not the default."""
        return combined_sha256(fingerprint(self._encoder), self.settings())

    def depths(self) -> dict[str, int]:
        """Return how far below the top of its tower each parameter lies, see ``Tower``."""
        depths: dict[int, int] = {}
        for tower in self.towers().values():
            depths |= tower.depths()
        return {name: depths[id(p)] for name, p in self.named_parameters() if id(p) in depths}

    def self_contained_layers(self) -> list[nn.Module]:
        """Return the layers of both towers."""
        return [layer for tower in self.towers().values() for layer in tower.layers]

    def gradient_of(self, tower: str) -> torch.set_grad_enabled:
        """Return a context without gradient if the whole tower is frozen."""
        return torch.set_grad_enabled(torch.is_grad_enabled() and self._tower_learns[tower])

    @property
    def _encoder(self) -> nn.Module:
        encoder: nn.Module = getattr(self, self.encoder_name)
        return encoder

    def _frozen_names(self) -> list[str]:
        """Return the encoder's tensors that are left out of checkpoints."""
        learning = {
            id(tensor)
            for module in self._learning
            for tensor in module.state_dict(keep_vars=True).values()
        }
        state = self._encoder.state_dict(keep_vars=True)
        return [name for name, tensor in state.items() if id(tensor) not in learning]

    def state_dict(self, *args, **kwargs):  # type: ignore[no-untyped-def]
        """Return what learns, and the sha256 of what does not in place of it."""
        state = super().state_dict(*args, **kwargs)
        prefix, names = kwargs.get('prefix', ''), self._frozen_names()
        for name in names:
            del state[f'{prefix}{self.encoder_name}.{name}']
        sha256 = combined_sha256(fingerprint(self._encoder, names), self.settings())
        state[f'{prefix}fingerprint'] = torch.tensor(list(bytes.fromhex(sha256)), dtype=torch.uint8)
        return state

    def _load_from_state_dict(self, state_dict, prefix, *args):  # type: ignore[no-untyped-def]
        """Accept checkpoints without the frozen weights: its own stand in."""
        state_dict.pop(f'{prefix}fingerprint', None)  # compared by ``load_weights``
        own = self._encoder.state_dict()
        for name in self._frozen_names():
            state_dict.setdefault(f'{prefix}{self.encoder_name}.{name}', own[name])
        super()._load_from_state_dict(state_dict, prefix, *args)


def _by_tower(frozen: Frozen, towers: Mapping[str, Tower]) -> dict[str, bool | int]:
    """Return what is frozen of each tower."""
    if isinstance(frozen, bool):
        return dict.fromkeys(towers, frozen)
    for name, wanted in frozen.items():
        if name not in towers:
            near = difflib.get_close_matches(name, towers, n=1) or towers
            raise ValueError(f'frozen has no tower {name!r}; did you mean {" or ".join(near)}?')
        most = len(towers[name].layers)
        if not isinstance(wanted, bool) and not 0 <= wanted <= most:
            raise ValueError(
                f'frozen.{name}={wanted}, but the tower has {most} layers; give 0 to {most}, or '
                'True for the whole tower'
            )
    return {name: frozen.get(name, True) for name in towers}
