"""Whether the parts of a model, and its data, fit each other; asked once, before anything runs."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import nn

from stgr.datasets.transforms import LoadFeatures, LoadVideoFrames
from stgr.models.backbones import GroundingBackbone
from stgr.models.data_preprocessors import ClipPreprocessor


def check_parts(model: nn.Module) -> None:
    """Raise if the parts of a grounder do not fit its backbone; other models are left alone.

    Raises:
        ValueError: If pictures would enter in another form, sentences through another tokenizer,
            or a head expects features of another width; the message shows both values of each.
    """
    backbone = getattr(model, 'backbone', None)
    if not isinstance(backbone, GroundingBackbone):
        return
    _raise(model, [*_preprocessor_faults(model, backbone), *_head_faults(model, backbone)])


def check_loaders(model: nn.Module, loaders: Any) -> None:
    """Raise if what data loaders are to read does not fit the backbone of a grounder.

    Args:
        model: The grounder; other models are left alone.
        loaders: Configs of data loaders, or any part of one.

    Raises:
        ValueError: If frames are decoded to another size than the backbone's, or stored features
            are read for a video encoder that learns.
    """
    backbone = getattr(model, 'backbone', None)
    if isinstance(backbone, GroundingBackbone):
        _raise(model, [fault for step in _steps(loaders) for fault in _step_faults(step, backbone)])


def _raise(model: nn.Module, faults: list[str]) -> None:
    if faults:
        unique = list(dict.fromkeys(faults))
        raise ValueError(f'parts of {type(model).__name__} do not fit: {"; ".join(unique)}')


def _preprocessor_faults(model: nn.Module, backbone: GroundingBackbone) -> Iterator[str]:
    preprocessor = getattr(model, 'data_preprocessor', None)
    if not isinstance(preprocessor, ClipPreprocessor):
        return
    found = {
        'image_size': preprocessor.image_size,
        'mean': preprocessor.mean.flatten().tolist(),
        'std': preprocessor.std.flatten().tolist(),
        'tokenizer': getattr(preprocessor.tokenize, '__self__', preprocessor.tokenize),
    }
    wanted = {
        'image_size': backbone.image_size,
        'mean': torch.tensor(backbone.mean).tolist(),  # rounded to float32 as the other one
        'std': torch.tensor(backbone.std).tolist(),
        'tokenizer': backbone,
    }
    for name, value in wanted.items():
        if found[name] != value:
            yield (
                f'data_preprocessor.{name} is {_short(found[name])}, that of the backbone '
                f'{_short(value)}'
            )


def _head_faults(model: nn.Module, backbone: GroundingBackbone) -> Iterator[str]:
    widths = {'video_proj': backbone.video_dim, 'text_proj': backbone.text_dim}
    for name, head in model.named_children():
        for proj, width in widths.items():
            linear = getattr(head, proj, None)
            linear = getattr(linear, 'fc', linear)  # of a gated projection
            if isinstance(linear, nn.Linear) and linear.in_features != width:
                modality = proj.removesuffix('_proj')
                yield (
                    f'{name}.{modality}_dim is {linear.in_features}, but {modality} features of '
                    f'the backbone have width {width}; leave {modality}_dim out'
                )


def _steps(config: Any) -> Iterator[Mapping[str, Any]]:
    """Yield every mapping with a type in a config."""
    if isinstance(config, Mapping):
        if 'type' in config:
            yield config
        config = list(config.values())
    if isinstance(config, list | tuple):
        for part in config:
            yield from _steps(part)


def _step_faults(step: Mapping[str, Any], backbone: GroundingBackbone) -> Iterator[str]:
    side, size = backbone.image_size, step.get('size')
    if _is(step, LoadVideoFrames) and size is not None and tuple(size) != (side, side):
        yield (
            f'LoadVideoFrames.size is {tuple(size)}, but the backbone sees {(side, side)}; '
            'resizing twice would give other pixels than inference does'
        )
    if _is(step, LoadFeatures) and backbone.video_learns:
        yield (
            'LoadFeatures reads features that were stored before training, but the video encoder '
            'learns; use LoadVideoFrames, or set backbone.frozen=True'
        )


def _is(step: Mapping[str, Any], kind: type) -> bool:
    named = step['type']
    if isinstance(named, str):
        return named.rpartition('.')[2] == kind.__name__
    return isinstance(named, type) and issubclass(named, kind)


def _short(value: object) -> str:
    if isinstance(value, list):
        return str(tuple(round(x, 4) for x in value))
    return str(value) if isinstance(value, int) else type(value).__name__
