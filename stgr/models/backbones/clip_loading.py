"""Find and check an image-text model of transformers: a folder or hub name, weights, tokenizer."""

import hashlib
import json
import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

from torch import nn

from stgr.io.bundled import SCHEME, bundled_path
from stgr.io.hub import hub_folder
from stgr.ops.gather import whole

Statistic = tuple[float, float, float]

OPENAI_MEAN: Statistic = (0.48145466, 0.4578275, 0.40821073)
OPENAI_STD: Statistic = (0.26862954, 0.26130258, 0.27577711)
_POSITIONS = '.position_ids'  # 0, 1, 2, ...; in files of older versions of transformers
_SHOWN = 5
_KINDS = {'clip': ('CLIP', 'CLIPModel'), 'siglip': ('SigLIP', 'SiglipModel')}


def load_clip(source: str | Path) -> tuple[Any, Any]:
    """Return a ``CLIPModel`` in float32 and its tokenizer.

    Args:
        source: A folder written by ``save_pretrained``, a name on the Hugging Face hub, or
            ``stgr://NAME`` for one that travels with the package.

    Raises:
        FileNotFoundError: If the folder does not exist or the name is not cached and there is no
            network.
        ValueError: If it is no CLIP, its weights are not just those of the model, the tokenizer is
            missing or does not belong to the model, or a ``pytorch_model.bin`` (read where there is
            no safetensors file) holds more than weights.
    """
    model, tokenizer = _load(source, 'clip')
    _check_end_mark(tokenizer, model.config.text_config, source)
    return model, tokenizer


def load_siglip(source: str | Path) -> tuple[Any, Any]:
    """Return a ``SiglipModel`` in float32 and its tokenizer; SigLIP 2 of fixed size is one too.

    Args:
        source: As for ``load_clip``.

    Raises:
        FileNotFoundError, ValueError: As ``load_clip`` does.
    """
    return _load(source, 'siglip')


def read_kind(source: str | Path) -> str:
    """Return the kind of an image-text model as its ``config.json`` names it: clip or siglip.

    Args:
        source: As for ``load_clip``.

    Raises:
        FileNotFoundError: As for ``load_clip``.
        ValueError: If it is of another kind.
    """
    kind = _kind(_resolve(source))
    if kind == 'siglip2':
        raise ValueError(
            f'{source} takes pictures of any shape (NaFlex), which is not supported; use a SigLIP '
            '2 of fixed size, such as google/siglip2-base-patch16-224'
        )
    if kind not in _KINDS:
        raise ValueError(
            f'{source} is no image-text model known here: its config.json says model_type '
            f'{kind!r}, expected one of {", ".join(_KINDS)}'
        )
    return kind


def _load(source: str | Path, kind: str) -> tuple[Any, Any]:
    import transformers
    from transformers import AutoTokenizer

    folder = _resolve(source)
    transformers.logging.disable_progress_bar()
    model = _read_model(folder, source, kind)
    tokenizer = AutoTokenizer.from_pretrained(
        folder, local_files_only=True, trust_remote_code=False
    )
    _check_tokenizer(tokenizer, model.config.text_config, source)
    tokenizer.model_max_length = model.config.text_config.max_position_embeddings
    return model, tokenizer


def read_statistics(
    source: str | Path, *, default: tuple[Statistic, Statistic] = (OPENAI_MEAN, OPENAI_STD)
) -> tuple[Statistic, Statistic]:
    """Return mean and standard deviation of the pictures that a CLIP was trained on, RGB in [0, 1].

    They stand in ``preprocessor_config.json``; a folder without one has the default's.

    Args:
        source: As for ``load_clip``.
        default: What is not written there; OpenAI's for a CLIP.

    Raises:
        FileNotFoundError: As for ``load_clip``.
        ValueError: If the file is damaged or does not hold three numbers each, deviations > 0.
    """
    file = Path(_resolve(source)) / 'preprocessor_config.json'
    if not file.is_file():
        return default
    try:
        settings = json.loads(file.read_text(encoding='utf-8'))
    except ValueError as error:
        raise ValueError(f'{file} is no JSON ({error}); get it again, or remove it') from error
    if not isinstance(settings, dict):
        raise ValueError(f'{file} must hold an object, but holds {settings!r}')
    mean = _three(settings, 'image_mean', default[0], file)
    std = _three(settings, 'image_std', default[1], file)
    if min(std) <= 0:
        raise ValueError(f'image_std in {file} must be > 0, but is {list(std)}')
    return mean, std


def _three(settings: dict[str, Any], key: str, default: Statistic, file: Path) -> Statistic:
    values = settings.get(key, default)
    if (
        not isinstance(values, list | tuple)
        or len(values) != 3
        or any(isinstance(v, bool) or not isinstance(v, int | float) for v in values)
        or not all(math.isfinite(v) for v in values)
    ):
        raise ValueError(f'{key} in {file} must be three numbers, red to blue, but is {values!r}')
    red, green, blue = values
    return float(red), float(green), float(blue)


def fingerprint(module: nn.Module, names: Collection[str] | None = None) -> str:
    """Return the sha256 of a module's parameters and buffers, names included.

    Where processes hold shards of it, all of them have to ask.

    Args:
        module: The module.
        names: Only of these; None for all.
    """
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        if names is None or name in names:
            digest.update(name.encode())
            digest.update(whole(tensor.detach()).cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def combined_sha256(weights_sha256: str, settings: Sequence[str]) -> str:
    """Return the sha256 of weights and of settings; that of the weights if all is the default."""
    if not settings:
        return weights_sha256
    return hashlib.sha256(' '.join([weights_sha256, *settings]).encode()).hexdigest()


def _resolve(source: str | Path) -> str:
    """Return a local folder with the files of a model, downloading it if it has to be."""
    text = str(source)
    if text.startswith(SCHEME):
        return str(bundled_path(text))
    if Path(text).is_dir():
        return text
    if Path(text).is_absolute() or text.startswith('.') or text.count('/') != 1:
        raise FileNotFoundError(
            f'no such folder: {text}; give a folder with config.json, model.safetensors and a '
            'tokenizer, or a hub name such as openai/clip-vit-base-patch32'
        )
    return str(hub_folder(text))


def _read_model(folder: str, source: str | Path, kind: str) -> Any:
    """Return the model of a folder, all of it; no code that its weights may carry is run."""
    import torch
    import transformers

    _check_kind(folder, source, kind)
    model_class = getattr(transformers, _KINDS[kind][1])
    try:
        read: Any = model_class.from_pretrained(
            folder,
            dtype=torch.float32,
            local_files_only=True,
            weights_only=True,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # reported below with the others
        )
    except UnpicklingError as error:
        raise ValueError(
            f'{source}: pytorch_model.bin holds more than weights, or is damaged; nothing of it '
            'was run; use a model with a safetensors file'
        ) from error
    model, loaded = read
    _check_complete(loaded, source, _KINDS[kind][1])
    return model


def _kind(folder: str) -> Any:
    from transformers import PretrainedConfig

    return PretrainedConfig.get_config_dict(folder, local_files_only=True)[0].get('model_type')


def _check_kind(folder: str, source: str | Path, expected: str) -> None:
    """Refuse models of another kind, of which few weights or none would be read."""
    kind = _kind(folder)
    if kind != expected:
        raise ValueError(
            f'{source} is no {_KINDS[expected][0]}: its config.json says model_type {kind!r}, '
            f'expected {expected!r}'
        )


def _check_complete(loaded: Mapping[str, Any], source: str | Path, model_class: str) -> None:
    """Refuse weights that leave a part of the model random, or of which a part is left over."""
    faults = {
        'missing': sorted(loaded['missing_keys']),
        'unexpected': sorted(loaded['unexpected_keys']),
        'of another shape': sorted(name for name, *_ in loaded['mismatched_keys']),
    }
    faults = {
        kind: [name for name in names if not name.endswith(_POSITIONS)]
        for kind, names in faults.items()
    }
    if any(faults.values()):
        told = [f'{len(names)} {kind} ({_some(names)})' for kind, names in faults.items() if names]
        raise ValueError(
            f'the weights of {source} do not fit its config.json: {"; ".join(told)}; '
            f'give a whole {model_class}, as save_pretrained writes it'
        )


def _some(names: Sequence[str]) -> str:
    more = f', and {len(names) - _SHOWN} more' if len(names) > _SHOWN else ''
    return ', '.join(names[:_SHOWN]) + more


def _check_tokenizer(tokenizer: Any, text_config: Any, source: str | Path) -> None:
    """Refuse the empty tokenizers that transformers returns for a folder without one."""
    if len(tokenizer) < 3 or tokenizer.eos_token_id is None:
        raise ValueError(f'{source} holds no tokenizer (tokenizer.json or vocab.json, merges.txt)')
    if len(tokenizer) > text_config.vocab_size:
        raise ValueError(
            f'the tokenizer of {source} has {len(tokenizer)} tokens, but the model knows '
            f'{text_config.vocab_size}'
        )


def _check_end_mark(tokenizer: Any, text_config: Any, source: str | Path) -> None:
    """Refuse a CLIP that would look for the end of a sentence at another token."""
    # 2 is the legacy value: pooling then takes the largest id, which must be the end mark.
    if text_config.eos_token_id == 2:
        if tokenizer.eos_token_id != len(tokenizer) - 1:
            raise ValueError(f"the end mark of {source} must be its tokenizer's last token")
    elif tokenizer.eos_token_id != text_config.eos_token_id:
        raise ValueError(
            f'end marks differ in {source}: tokenizer {tokenizer.eos_token_id}, model '
            f'{text_config.eos_token_id}; every sentence would get the same feature'
        )
