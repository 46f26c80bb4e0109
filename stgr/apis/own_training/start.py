"""What training on one's own videos begins with."""

from dataclasses import dataclass
from pathlib import Path

from stgr.apis.model_hub import find_config, find_model

CONFIG_FILE = 'config.py'
DEFAULT_INIT = 'ours_clip'
WEIGHTS = ('.pth', '.safetensors')


@dataclass(frozen=True)
class Start:
    """What training begins with.

    Args:
        config: Model name or config path: the architecture and its settings.
        weights: A checkpoint of it; None: heads as they are made, on the backbone's own weights.
        name: What it is called.
    """

    config: str
    weights: Path | None
    name: str


def find_start(init: str | None, config: str | None) -> Start:
    """Return what to begin with, see ``train_on``.

    Raises:
        FileNotFoundError: If a file is not there.
        ValueError: If a name is unknown, or a checkpoint comes without its config.
    """
    if init is not None and init.endswith(WEIGHTS):
        weights = Path(init).expanduser()
        if not weights.is_file():
            raise FileNotFoundError(f'no checkpoint {weights}')
        beside = (folder / CONFIG_FILE for folder in weights.absolute().parents[:2])
        config = config or next((str(path) for path in beside if path.is_file()), None)
        if config is None:
            raise ValueError(f'say which model {weights} is of: --config CONFIG')
        return Start(config, weights, _stem(config))
    if init is not None and init.endswith('.py'):
        raise ValueError(f'{init} is a config; give it with --config {init}')
    if init is None and config is not None:
        find_config(config)
        return Start(config, None, _stem(config))
    entry = find_model(init or DEFAULT_INIT)
    return Start(config or entry.name, entry.weights, _stem(config or entry.name))


def _stem(config: str) -> str:
    path = Path(config)
    return path.parent.name if path.name == CONFIG_FILE else path.stem
