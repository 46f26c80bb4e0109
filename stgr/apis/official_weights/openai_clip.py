"""``finetuned_CLIP_howto.pth.tar``, a CLIP under OpenAI's names, as one of transformers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from stgr.apis.official_weights.clip_architecture import ClipArchitecture
from stgr.apis.official_weights.tensor_files import check_names, describe_file, read_official
from stgr.io.atomic import folder_written_whole
from stgr.io.hub import hub_folder

WEIGHTS = 'model.safetensors'
_LAYER = {  # of one transformer layer: OpenAI's name, that of transformers
    'attn.out_proj': 'self_attn.out_proj',
    'ln_1': 'layer_norm1',
    'mlp.c_fc': 'mlp.fc1',
    'mlp.c_proj': 'mlp.fc2',
    'ln_2': 'layer_norm2',
}
_OUTSIDE_LAYERS = {
    'token_embedding.weight': 'text_model.embeddings.token_embedding.weight',
    'positional_embedding': 'text_model.embeddings.position_embedding.weight',
    'ln_final.weight': 'text_model.final_layer_norm.weight',
    'ln_final.bias': 'text_model.final_layer_norm.bias',
    'logit_scale': 'logit_scale',
    'visual.class_embedding': 'vision_model.embeddings.class_embedding',
    'visual.positional_embedding': 'vision_model.embeddings.position_embedding.weight',
    'visual.conv1.weight': 'vision_model.embeddings.patch_embedding.weight',
    # the misspelling is that of transformers
    'visual.ln_pre.weight': 'vision_model.pre_layrnorm.weight',
    'visual.ln_pre.bias': 'vision_model.pre_layrnorm.bias',
    'visual.ln_post.weight': 'vision_model.post_layernorm.weight',
    'visual.ln_post.bias': 'vision_model.post_layernorm.bias',
}
# OpenAI multiplies by these from the right, transformers has linear layers without bias.
_TRANSPOSED = {
    'text_projection': 'text_projection.weight',
    'visual.proj': 'visual_projection.weight',
}
_TOWERS = {
    'visual.transformer.resblocks.': 'vision_model.encoder.layers.',
    'transformer.resblocks.': 'text_model.encoder.layers.',
}


def convert_openai_clip(
    source: str | Path, out: str | Path, *, tokenizer: str | Path, ignore: Sequence[str] = ()
) -> list[str]:
    """Write a folder that ``CLIPBackbone(source=...)`` loads; return a report.

    Layers, widths, heads (of 64 numbers each, as in every CLIP of OpenAI), picture size and
    vocabulary follow from the shapes. Neither side's position numbers are weights: OpenAI's CLIP
    keeps none in its file and transformers makes its own.

    Args:
        source: The released file; 302 tensors for a ViT-B/32, float32 or float16.
        out: The folder, new or empty.
        tokenizer: Folder or hub name with OpenAI's byte-pair tokenizer, which is not in the file.
        ignore: Patterns (``fnmatch``) of further names that the file may hold.

    Raises:
        FileNotFoundError: If the file or the tokenizer is missing.
        FileExistsError: If ``out`` holds something.
        ValueError: If the file cannot be read safely, is no vision transformer of OpenAI's CLIP, or
            lacks or has a name more than it, or the tokenizer is of another model.
    """
    from stgr.models.backbones.clip_loading import fingerprint, load_clip

    tensors = read_official(source)
    architecture = ClipArchitecture.of(tensors, source=source)
    described = architecture.take_description(tensors, source=source)
    found, ignored = check_names(
        tensors,
        architecture.shapes(),
        source=source,
        model=f'a CLIP with {architecture}',
        ignore=ignore,
        hint='further names can be left out with --ignore PATTERN',
    )
    words = _load_tokenizer(tokenizer, vocabulary=architecture.vocabulary)
    model = _make_model(architecture, words, to_transformers(found))
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    with folder_written_whole(out) as folder:
        model.save_pretrained(folder)
        words.save_pretrained(folder)
        reloaded, _ = load_clip(folder)  # as CLIPBackbone will, before anyone sees the folder
    sha256 = fingerprint(reloaded)
    if sha256 != fingerprint(model):
        raise ValueError(f'{out}: what was written is not what was read; the disk may be damaged')
    report = [f'{len(found)} of {len(tensors) + len(described)} tensors taken: {architecture}']
    if described:
        report.append(f'agree with the shapes: {", ".join(described)}')
    if ignored:
        report.append(f'WARNING: ignored {len(ignored)} names: {", ".join(ignored)}')
    return [
        *report,
        f'{out}: sha256 of all names and tensors {sha256}',
        describe_file(Path(out) / WEIGHTS, model.state_dict()),
    ]


def to_transformers(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors of OpenAI's CLIP under the names of ``transformers.CLIPModel``.

    Raises:
        ValueError: If a name is not one of OpenAI's.
    """
    renamed: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if name in _OUTSIDE_LAYERS:
            renamed[_OUTSIDE_LAYERS[name]] = tensor
        elif name in _TRANSPOSED:
            renamed[_TRANSPOSED[name]] = tensor.T.contiguous()
        else:
            renamed |= _of_layer(name, tensor)
    return renamed


def _of_layer(name: str, tensor: Tensor) -> dict[str, Tensor]:
    """Return one tensor of a layer, or the three that one holds on top of each other."""
    for theirs, ours in _TOWERS.items():
        if not name.startswith(theirs):
            continue
        layer, _, inner = name.removeprefix(theirs).partition('.')
        module, _, kind = inner.rpartition('.')
        if inner.startswith('attn.in_proj_'):
            parts = zip('qkv', tensor.chunk(3), strict=True)
            kind = inner.removeprefix('attn.in_proj_')
            return {f'{ours}{layer}.self_attn.{p}_proj.{kind}': t.clone() for p, t in parts}
        if module in _LAYER:
            return {f'{ours}{layer}.{_LAYER[module]}.{kind}': tensor}
    raise ValueError(f"{name} is no name of OpenAI's CLIP")


def _load_tokenizer(source: str | Path, *, vocabulary: int) -> Any:
    """Return a tokenizer with as many tokens as the model, its two marks last as OpenAI's."""
    from transformers import AutoTokenizer

    folder = str(source)
    if not Path(folder).exists() and folder.count('/') == 1:
        folder = str(hub_folder(folder, weights=False))
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError) as error:
        raise FileNotFoundError(
            f'no tokenizer in {source}; give a folder with vocab.json and merges.txt or '
            'tokenizer.json, or a hub name that is cached or can be reached, such as '
            'openai/clip-vit-base-patch32'
        ) from error
    marks = (tokenizer.bos_token_id, tokenizer.eos_token_id)
    if len(tokenizer) != vocabulary or marks != (vocabulary - 2, vocabulary - 1):
        raise ValueError(
            f'the tokenizer in {source} has {len(tokenizer)} tokens and the marks {marks}, but the '
            f'file needs {vocabulary} and {(vocabulary - 2, vocabulary - 1)}; give the one it was '
            'trained with'
        )
    return tokenizer


def _make_model(architecture: ClipArchitecture, tokenizer: Any, state: dict[str, Tensor]) -> Any:
    from transformers import CLIPConfig, CLIPModel
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    text, vision = architecture.text_config(), architecture.vision_config()
    text |= {
        'bos_token_id': tokenizer.bos_token_id,
        'eos_token_id': tokenizer.eos_token_id,
        'pad_token_id': tokenizer.pad_token_id,
    }
    config = CLIPConfig(
        text_config=text, vision_config=vision, projection_dim=architecture.projection
    )
    with torch.random.fork_rng(devices=[]):
        model: Any = CLIPModel(config)  # the numbers it draws are all replaced
    model.load_state_dict(state, strict=True)
    return model.eval()
