"""How a grounder is named: a model that was trained, or a method on any public model."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from stgr.apis.model_hub import list_models, load_config
from stgr.io.bundled import SCHEME, bundled_path

if TYPE_CHECKING:
    from mmengine.config import Config

Method = Literal['trained', 'gem']
METHODS: tuple[str, ...] = get_args(Method)
DEFAULT_MODELS = {'trained': 'ours_tiny', 'gem': 'openai/clip-vit-base-patch16'}
_GEM_CONFIG = 'gem_clip'


def resolve_model(
    model: str | Path | None, *, method: str = 'trained', prompts: str | Path | None = None
) -> tuple[str, 'Config']:
    """Return the name and the config of a grounder.

    Args:
        model: Of ``trained``: name of a model or path of a config. Of ``gem``: that too, if the
            config is one of a ``GEMGrounder``, or any image-text model: a folder, a name on the
            hub, or ``stgr://NAME``, put into ``gem_clip``, of whose weights of layers the last are
            taken for a folder with fewer layers. None: the method's default.
        method: ``trained``, or ``gem``, which needs no training.
        prompts: A file of descriptions, verbs and objects (``read_prompt_file``), for ``gem``.

    Raises:
        ValueError: If the method or the model is unknown, or has no prompts.
        FileNotFoundError: If a config does not exist.
    """
    if method not in METHODS:
        raise ValueError(f'method must be one of {", ".join(METHODS)}, but got {method!r}')
    name = str(DEFAULT_MODELS[method] if model is None else model)
    if method == 'trained' or _is_config(name):
        config = load_config(name)
        if method == 'gem' and 'prompts' not in config.get('model', {}):
            raise ValueError(
                f'{name} is no model of the method gem; give gem_clip, gem_siglip2, gem_tiny, or '
                'any CLIP or SigLIP: a folder, or a hub name such as openai/clip-vit-base-patch16'
            )
    else:
        config = load_config(_GEM_CONFIG)
        config.model.backbone.source = name
        _fit_layers(config.model.backbone, _vision_layers(name))
    if prompts is not None:
        if 'prompts' not in config.get('model', {}):
            raise ValueError(f'{name} takes queries as they are; prompts need --method gem')
        config.model.prompts.file = str(prompts)
    return name, config


def _is_config(name: str) -> bool:
    """Return whether this names a config, by its file or by its name below the configs folder."""
    return name.endswith('.py') or name in {entry.name for entry in list_models()}


def _fit_layers(backbone: dict[str, Any], layers: int | None) -> None:
    """Weigh no more layers than there are: the weights of the last ones, counted from the top."""
    if layers is not None and len(backbone['layer_weights']) > layers + 1:
        backbone['layer_weights'] = backbone['layer_weights'][-layers - 1 :]
        backbone['separate_layers'] = min(backbone['separate_layers'], layers)


def _vision_layers(source: str) -> int | None:
    """Return how many layers a folder's image encoder has, None if that is not written there."""
    folder = bundled_path(source) if source.startswith(SCHEME) else Path(source)
    try:
        vision = json.loads((folder / 'config.json').read_text(encoding='utf-8'))['vision_config']
        layers = vision['num_hidden_layers']
    except (OSError, ValueError, LookupError, TypeError):  # which loading the model tells better
        return None
    return layers if isinstance(layers, int) and layers > 0 else None
