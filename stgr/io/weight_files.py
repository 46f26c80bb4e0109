"""Read the weights of a file, and nothing else that may be in it."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

_WRAPPER = 'module.'
_SHOWN = 5


def read_weights(path: str | Path) -> 'dict[str, Tensor]':
    """Return the tensors of a released model by name; no code that the file may carry is run.

    A leading ``module.``, left by data-parallel wrappers, is removed from the names; weights beside
    an optimiser are found under ``state_dict``.

    Args:
        path: A ``.safetensors`` file, or one of ``torch.save``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged, holds more than tensors and plain data, or a name with and
            without ``module.``.
    """
    file = Path(path).expanduser()
    if not file.is_file():
        raise FileNotFoundError(f'no weights {file}; give a .safetensors or .pth file')
    contents = _read(file)
    if isinstance(contents, dict) and isinstance(contents.get('state_dict'), dict):
        contents = contents['state_dict']
    if not _are_tensors(contents):
        raise ValueError(f'{file} holds no tensors by name; give the state dict of a model')
    return unwrapped(contents, source=file)


def unwrapped(tensors: 'Mapping[str, Tensor]', *, source: str | Path) -> 'dict[str, Tensor]':
    """Return tensors under their names without a leading ``module.``.

    Args:
        tensors: Tensors by name.
        source: Where they come from, for the message.

    Raises:
        ValueError: If a name is there with and without it: one would hide the other.
    """
    twice = [name for name in tensors if f'{_WRAPPER}{name}' in tensors]
    if twice:
        raise ValueError(
            f'{source} holds {", ".join(twice[:_SHOWN])} with and without "{_WRAPPER}"; '
            'remove those of the other model'
        )
    return {name.removeprefix(_WRAPPER): tensor for name, tensor in tensors.items()}


def _read(file: Path) -> Any:
    import torch
    from safetensors.torch import load_file

    try:
        if file.suffix == '.safetensors':
            return load_file(file)
        return torch.load(file, map_location='cpu', weights_only=True)
    except Exception as error:  # damaged bytes make the readers fail in any way
        reason = (str(error.__cause__ or error).strip().splitlines() or [type(error).__name__])[0]
        raise ValueError(
            f'{file} ({file.stat().st_size} bytes) cannot be read safely ({reason}); it is '
            'damaged, or holds more than weights'
        ) from error


def _are_tensors(contents: Any) -> bool:
    import torch

    return (
        isinstance(contents, dict)
        and bool(contents)
        and all(isinstance(name, str) for name in contents)
        and all(isinstance(value, torch.Tensor) for value in contents.values())
    )
