"""How a grounder is named: a model that was trained, or a method on any public model."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from stgr.apis.model_hub import list_models, load_config

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
            hub, or ``stgr://NAME``, put into ``gem_clip``. None: the method's default.
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
    if prompts is not None:
        if 'prompts' not in config.get('model', {}):
            raise ValueError(f'{name} takes queries as they are; prompts need --method gem')
        config.model.prompts.file = str(prompts)
    return name, config


def _is_config(name: str) -> bool:
    """Return whether this names a config, by its file or by its name below the configs folder."""
    return name.endswith('.py') or name in {entry.name for entry in list_models()}
