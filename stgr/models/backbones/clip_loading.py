"""Find and check a CLIP of transformers: a folder or a hub name, weights and tokenizer."""

import hashlib
from pathlib import Path
from typing import Any

from torch import nn

from stgr.io.bundled import SCHEME, bundled_path


def load_clip(source: str | Path) -> tuple[Any, Any]:
    """Return a ``CLIPModel`` in float32 and its tokenizer.

    Args:
        source: A folder written by ``save_pretrained``, a name on the Hugging Face hub, or
            ``stgr://NAME`` for one that travels with the package.

    Raises:
        FileNotFoundError: If the folder does not exist or the name is not cached and there is no
            network.
        ValueError: If the tokenizer is missing or does not belong to the model.
    """
    import torch
    import transformers
    from transformers import AutoTokenizer, CLIPModel

    folder = _resolve(source)
    transformers.logging.disable_progress_bar()
    model: Any = CLIPModel.from_pretrained(folder, dtype=torch.float32, local_files_only=True)
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    _check_tokenizer(tokenizer, model.config.text_config, source)
    tokenizer.model_max_length = model.config.text_config.max_position_embeddings
    return model, tokenizer


def fingerprint(module: nn.Module) -> str:
    """Return the sha256 of a module's parameters and buffers, names included."""
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


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
    from huggingface_hub import snapshot_download

    try:
        return snapshot_download(text, allow_patterns=['*.json', '*.txt', '*.safetensors'])
    except Exception as error:
        raise FileNotFoundError(
            f'{text} is neither a folder here nor cached, and the hub cannot be reached '
            f'({type(error).__name__}); on a machine with a network run "hf download {text}", or '
            'copy the folder here and give its path'
        ) from error


def _check_tokenizer(tokenizer: Any, text_config: Any, source: str | Path) -> None:
    """Refuse the empty tokenizers that transformers returns for a folder without one."""
    if len(tokenizer) < 3 or tokenizer.eos_token_id is None:
        raise ValueError(f'{source} holds no tokenizer (tokenizer.json or vocab.json, merges.txt)')
    if len(tokenizer) > text_config.vocab_size:
        raise ValueError(
            f'the tokenizer of {source} has {len(tokenizer)} tokens, but the model knows '
            f'{text_config.vocab_size}'
        )
    # 2 is the legacy value: pooling then takes the largest id, which must be the end mark.
    if text_config.eos_token_id == 2:
        if tokenizer.eos_token_id != len(tokenizer) - 1:
            raise ValueError(f"the end mark of {source} must be its tokenizer's last token")
    elif tokenizer.eos_token_id != text_config.eos_token_id:
        raise ValueError(
            f'end marks differ in {source}: tokenizer {tokenizer.eos_token_id}, model '
            f'{text_config.eos_token_id}; every sentence would get the same feature'
        )
