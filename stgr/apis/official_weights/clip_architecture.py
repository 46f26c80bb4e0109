"""What kind of vision transformer a CLIP of OpenAI is, read off the shapes of its tensors."""

import math
import re
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from stgr.apis.official_weights.tensor_files import Shape

HEAD_WIDTH = 64
_TOWERS = {'vision': 'visual.transformer.resblocks.', 'text': 'transformer.resblocks.'}


@dataclass(frozen=True)
class Tower:
    """Size of one transformer.

    Args:
        layers: How many.
        width: Numbers per token; the heads have 64 each.
        hidden: Numbers per token inside the perceptrons.
    """

    layers: int
    width: int
    hidden: int


@dataclass(frozen=True)
class ClipArchitecture:
    """Sizes of a CLIP whose pictures are encoded by a vision transformer.

    Args:
        vision: Its vision transformer.
        text: Its text transformer.
        patch: Side of a patch in pixels.
        grid: Patches along a side of a picture.
        context: Tokens of a text, marks included.
        vocabulary: Known tokens.
        projection: Width of the shared space.
    """

    vision: Tower
    text: Tower
    patch: int
    grid: int
    context: int
    vocabulary: int
    projection: int

    @classmethod
    def of(cls, tensors: MutableMapping[str, Tensor], *, source: str | Path) -> 'ClipArchitecture':
        """Return the sizes that the tensors of a file speak of.

        Raises:
            ValueError: If it is no CLIP with a vision transformer, or its sizes fit no such one.
        """
        if any(name.startswith('visual.layer1.') for name in tensors):
            raise ValueError(f'{source} is a CLIP with a ResNet; only vision transformers are read')
        conv = _shape(tensors, 'visual.conv1.weight', 4, source)
        positions, _ = _shape(tensors, 'visual.positional_embedding', 2, source)
        context, _ = _shape(tensors, 'positional_embedding', 2, source)
        vocabulary, _ = _shape(tensors, 'token_embedding.weight', 2, source)
        _, projection = _shape(tensors, 'text_projection', 2, source)
        grid = math.isqrt(max(positions - 1, 0))
        if grid * grid != positions - 1:
            raise ValueError(
                f'{source}: visual.positional_embedding has {positions} rows, expected one more '
                'than a square'
            )
        vision, text = (_tower(tensors, prefix, source) for prefix in _TOWERS.values())
        return cls(vision, text, conv[-1], grid, context, vocabulary, projection)

    def __str__(self) -> str:
        side = self.image_size
        return (
            f'{self.vision.layers} layers of width {self.vision.width} over patches of '
            f'{self.patch} in pictures of {side} x {side}, {self.text.layers} of width '
            f'{self.text.width} over {self.context} of {self.vocabulary} tokens, '
            f'projected to {self.projection}'
        )

    @property
    def image_size(self) -> int:
        """Side of a picture in pixels."""
        return self.grid * self.patch

    def shapes(self) -> dict[str, Shape]:
        """Return every name and shape that OpenAI's CLIP of this size has in its file."""
        vision, text = self.vision, self.text
        return {
            'positional_embedding': (self.context, text.width),
            'text_projection': (text.width, self.projection),
            'logit_scale': (),
            'visual.class_embedding': (vision.width,),
            'visual.positional_embedding': (self.grid**2 + 1, vision.width),
            'visual.proj': (vision.width, self.projection),
            'visual.conv1.weight': (vision.width, 3, self.patch, self.patch),
            **_linear('visual.ln_pre', vision.width),
            **dict(_layers(_TOWERS['vision'], vision)),
            **_linear('visual.ln_post', vision.width),
            **dict(_layers(_TOWERS['text'], text)),
            'token_embedding.weight': (self.vocabulary, text.width),
            **_linear('ln_final', text.width),
        }

    def take_description(
        self, tensors: MutableMapping[str, Tensor], *, source: str | Path
    ) -> list[str]:
        """Remove the three numbers that OpenAI's own archives carry beside the weights.

        Returns:
            Their names, where they are there.

        Raises:
            ValueError: If one says something else than the shapes do.
        """
        sizes = {
            'input_resolution': self.image_size,
            'context_length': self.context,
            'vocab_size': self.vocabulary,
        }
        there = [name for name in sizes if name in tensors]
        for name in there:
            said = tensors.pop(name)
            if said.numel() != 1 or said.item() != sizes[name]:
                raise ValueError(f'{source}: {name} is {said}, but the shapes say {sizes[name]}')
        return there

    def text_config(self) -> dict[str, Any]:
        """Return the arguments of ``CLIPTextConfig`` but for the marks."""
        return {
            **_config(self.text),
            'max_position_embeddings': self.context,
            'vocab_size': self.vocabulary,
            'projection_dim': self.projection,
        }

    def vision_config(self) -> dict[str, Any]:
        """Return the arguments of ``CLIPVisionConfig``."""
        return {
            **_config(self.vision),
            'image_size': self.image_size,
            'patch_size': self.patch,
            'projection_dim': self.projection,
        }


def _config(tower: Tower) -> dict[str, Any]:
    return {
        'hidden_size': tower.width,
        'intermediate_size': tower.hidden,
        'num_hidden_layers': tower.layers,
        'num_attention_heads': tower.width // HEAD_WIDTH,
        'hidden_act': 'quick_gelu',
        'layer_norm_eps': 1e-5,
    }


def _tower(tensors: MutableMapping[str, Tensor], prefix: str, source: str | Path) -> Tower:
    """Return the size of a transformer, from its highest layer and the first one's perceptron."""
    numbers = [re.match(re.escape(prefix) + r'(\d+)\.', name) for name in tensors]
    layers = 1 + max((int(match[1]) for match in numbers if match), default=0)
    hidden, width = _shape(tensors, f'{prefix}0.mlp.c_fc.weight', 2, source)
    if width == 0 or width % HEAD_WIDTH:
        raise ValueError(
            f"{source}: {prefix}* has width {width}, but the heads of OpenAI's CLIP have "
            f'{HEAD_WIDTH} numbers each'
        )
    return Tower(layers, width, hidden)


def _layers(prefix: str, tower: Tower) -> Iterator[tuple[str, Shape]]:
    width, hidden = tower.width, tower.hidden
    for layer in range(tower.layers):
        name = f'{prefix}{layer}'
        yield f'{name}.attn.in_proj_weight', (3 * width, width)
        yield f'{name}.attn.in_proj_bias', (3 * width,)
        yield from _linear(f'{name}.attn.out_proj', width, width).items()
        yield from _linear(f'{name}.ln_1', width).items()
        yield from _linear(f'{name}.mlp.c_fc', hidden, width).items()
        yield from _linear(f'{name}.mlp.c_proj', width, hidden).items()
        yield from _linear(f'{name}.ln_2', width).items()


def _linear(name: str, *weight: int) -> dict[str, Shape]:
    return {f'{name}.weight': weight, f'{name}.bias': weight[:1]}


def _shape(tensors: MutableMapping[str, Tensor], name: str, axes: int, source: str | Path) -> Shape:
    if name not in tensors:
        raise ValueError(
            f"{source} has no {name}, so it is no CLIP under OpenAI's names; it has "
            f'{", ".join(list(tensors)[:5])}, ...'
        )
    shape = tuple(tensors[name].shape)
    if len(shape) != axes:
        raise ValueError(f'{source}: {name} has shape {shape}, expected {axes} axes')
    return shape
