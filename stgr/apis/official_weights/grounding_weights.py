"""``GroundingWeights.pth.tar``, the heads of the paper, as a checkpoint of ours."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from stgr.apis.official_weights.tensor_files import (
    Shape,
    check_names,
    read_official,
    save_tensors,
    sha256_of,
)

HEADS = ('global_head', 'local_head')
LOST_BY_RELEASED_LOADER = 'local_head.video_attention'
_GATED_MARK = '.cg.'


def convert_grounding_weights(
    source: str | Path,
    out: str | Path,
    *,
    clip: str | Path,
    config: str | Path = 'ours_clip_release',
    like_released_loader: int | None = None,
) -> list[str]:
    """Write the released heads as a checkpoint that fits a config and one CLIP; return a report.

    Args:
        source: The released file: 16 tensors, or 20 of the class with a gated global head.
        out: The checkpoint, ``.safetensors``.
        clip: Folder or hub name of the CLIP they were trained on; the checkpoint fits no other.
        config: Model name or config whose heads carry ``official_names``.
        like_released_loader: Seed. The released evaluation renames ``sa_layer.vis_attn_mat`` to a
            name that its model does not have (GroundingYouTube at 5efcdd8,
            ``eval_mining_clip_iou_finetune.py``), so the four tensors of the visual self-attention
            stay random; this draws them anew by the seed, for comparison. None: they are taken
            from the file, as they should be.

    Raises:
        FileNotFoundError: If a file, the config or the CLIP is missing.
        ValueError: If the file cannot be read safely, or does not hold exactly the tensors that
            the heads of the config have, or ``out`` does not end in ``.safetensors``.
    """
    from stgr.apis.model_hub import load_config
    from stgr.engine import load_weights
    from stgr.registry import MODELS

    if Path(out).suffix != '.safetensors':
        raise ValueError(f'{out} must end in .safetensors, by which its kind is known')
    tensors = read_official(source)
    settings = load_config(config)
    settings.model.backbone.source = str(clip)
    grounder = MODELS.build(settings.model)
    names = official_names_of(grounder)
    weights = grounder.state_dict()
    shapes: dict[str, Shape] = {
        theirs: tuple(weights[ours].shape) for ours, theirs in names.items()
    }
    model = f'the heads of {config} ({len(shapes)} tensors)'
    found, _ = check_names(tensors, shapes, source=source, model=model, hint=_hint(tensors, shapes))
    weights |= {ours: found[theirs] for ours, theirs in names.items()}
    report = [f'{len(names)} of {len(tensors)} tensors found in {source}']
    if like_released_loader is not None:
        drawn = _random_attention(grounder.local_head, like_released_loader)
        weights |= drawn
        report.append(
            f'WARNING: NOT the released model: {len(drawn)} tensors ({", ".join(drawn)}) are '
            f'RANDOM (seed {like_released_loader}), as the released loader leaves them'
        )
    load_weights(grounder, weights, source=str(source))
    origin = {
        'file': Path(source).name,
        'sha256': sha256_of(source),
        'random_visual_self_attention_seed': like_released_loader,
    }
    written = save_tensors(grounder.state_dict(), out, origin=origin)
    return [*report, f'fits the CLIP in {clip}', written]


def official_names_of(grounder: nn.Module) -> dict[str, str]:
    """Return our name of each tensor of a grounder's heads, and the released one.

    Raises:
        ValueError: If a head, or a tensor of it, has no released counterpart.
    """
    names = {}
    for part in HEADS:
        head = getattr(grounder, part, None)
        if head is None:
            raise ValueError(f'the released weights have both heads, but the config has no {part}')
        for tensor in head.state_dict():
            names[f'{part}.{tensor}'] = _official_name(head, tensor)
    return names


def _official_name(head: nn.Module, tensor: str) -> str:
    """Return the released name of a head's tensor, by its longest known prefix."""
    known: Mapping[str, str] = getattr(head, 'official_names', {})
    fitting = [ours for ours in known if tensor.startswith(f'{ours}.')]
    if not fitting:
        raise ValueError(
            f'{type(head).__name__} has {tensor}, which the released weights lack; give a config '
            'with the heads of ours_clip_release'
        )
    ours = max(fitting, key=len)
    return known[ours] + tensor.removeprefix(ours)


def _hint(tensors: Mapping[str, Tensor], shapes: Mapping[str, Shape]) -> str:
    gated = any(_GATED_MARK in name for name in tensors)
    if gated == any(_GATED_MARK in name for name in shapes):
        return ''
    kind = 'the gated' if gated else 'the plain'
    return f'the file is of {kind} class: give a config with {kind} global head (--config)'


def _random_attention(head: Any, seed: int) -> dict[str, Tensor]:
    """Return a visual self-attention as its class starts, drawn by ``seed``."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        attention = nn.MultiheadAttention(head.dim, num_heads=1, batch_first=True)
    tensors = attention.state_dict()
    return {f'{LOST_BY_RELEASED_LOADER}.{name}': tensor for name, tensor in tensors.items()}
