"""Make a grounder from a name and a weights file, ready to answer."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from stgr.apis.model_hub import find_config, find_model, list_models, load_config
from stgr.calibration import Calibration, calibration_path, load_calibration
from stgr.structures import ModelFacts

if TYPE_CHECKING:
    import torch
    from mmengine.config import Config

    from stgr.models.grounders.base_grounder import BaseGrounder


def build_grounder(
    model: str | Path,
    *,
    weights: str | Path | None = None,
    device: str | None = None,
    config: 'Config | None' = None,
) -> 'tuple[BaseGrounder, ModelFacts]':
    """Return a grounder in evaluation mode with its weights, and who it is.

    Args:
        model: Model name or config path.
        weights: Checkpoint (``.pth`` or ``.safetensors``); None for the bundled one, or for a model
            that has nothing to learn.
        device: Where to compute; None for a GPU if there is one.
        config: The model's config where it is not just the named one, see ``resolve_model``.

    Raises:
        ValueError: If the model is unknown or does not ground, its parts do not fit, the
            weights are damaged or of another model, or there is no such device.
        FileNotFoundError: If no weights are given or bundled, or a file is missing.
    """
    from stgr.models.grounders.base_grounder import BaseGrounder
    from stgr.registry import MODELS

    config = load_config(model) if config is None else config
    if 'model' not in config:
        raise ValueError(f'{model} describes no model')
    kind = config.model.type
    if isinstance(kind, str):
        kind = MODELS.get(kind)
    if kind is not None and not (isinstance(kind, type) and issubclass(kind, BaseGrounder)):
        raise ValueError(f'{model} does not ground: it is a {kind.__name__}; try ours_tiny')
    bare = weights is None and kind is not None and not kind.learns
    path = None if bare else _weights_path(model, weights)
    return build_from_config(config, name=str(model), weights=path, device=device)


def build_from_config(
    config: 'Config', *, name: str, weights: Path | None, device: str | None
) -> 'tuple[BaseGrounder, ModelFacts]':
    """Return the grounder of a config in evaluation mode with its weights, and who it is.

    Args:
        config: Its ``model`` is built; its ``notice``, if there is one, becomes a fact.
        name: What the model is called.
        weights: Checkpoint; None for a model that has nothing to learn.
        device: Where to compute; None for a GPU if there is one.

    Raises:
        ValueError: If parts do not fit, the weights are damaged or of another model, or there is no
            such device.
        FileNotFoundError: If a file is missing.
    """
    from stgr.engine import check_parts, load_weights, read_checkpoint
    from stgr.registry import MODELS

    place = choose_device(device)
    grounder: BaseGrounder = MODELS.build(config.model)
    check_parts(grounder)
    if weights is None:
        sha256 = grounder.backbone.fingerprint
    else:
        load_weights(grounder, read_checkpoint(weights)['state_dict'], source=str(weights))
        sha256 = hashlib.sha256(weights.read_bytes()).hexdigest()
    facts = ModelFacts(
        name=name,
        weights_sha256=sha256,
        notice=_notice(config.get('notice'), grounder),
        config_sha256=config_sha256(config, grounder),
    )
    return grounder.to(place).eval(), facts


def config_sha256(config: 'Config', grounder: 'BaseGrounder') -> str:
    """Return the checksum of all that decides answers besides weights."""
    settings = repr(config.model.to_dict()) + grounder.settings_beyond_config()
    return hashlib.sha256(settings.encode()).hexdigest()


def find_calibration(
    model: str | Path,
    facts: ModelFacts,
    *,
    weights: str | Path | None = None,
    path: str | Path | None = None,
) -> Calibration | None:
    """Return the calibration of a model: that of a file, or the one beside its weights.

    Args:
        model: Model name or config path.
        facts: What ``build_grounder`` said of it.
        weights: The checkpoint it was built with; None for the bundled one.
        path: The calibration; None for the one beside the weights, if there is one.

    Raises:
        FileNotFoundError: If ``path`` is not there.
        ValueError: If the file is broken or was fitted for another model.
    """
    if path is None:
        file = default_calibration(model, weights)
        if file is None or not file.is_file():
            return None
        path = file
    calibration = load_calibration(path)
    calibration.check_model(facts, source=str(path))
    return calibration


def default_calibration(model: str | Path, weights: str | Path | None = None) -> Path | None:
    """Return where the calibration of a model's weights lies or would lie; None without weights."""
    if weights is None:
        weights = next((one.weights for one in list_models() if one.name == str(model)), None)
    return None if weights is None else calibration_path(Path(weights).expanduser())


def _notice(of_config: str | None, grounder: 'BaseGrounder') -> str | None:
    """Return what a reader must know: what the config says, and that no sound is listened to."""
    if getattr(grounder, 'audio_at_test', None) is None:
        return of_config
    silent = 'its thresholds were chosen with sound, and it answers without'
    return silent if of_config is None else f'{of_config}; {silent}'


def choose_device(name: str | None) -> 'torch.device':
    """Return the device called ``name``; None for a GPU if there is one, else the CPU.

    Raises:
        ValueError: If there is no such device here.
    """
    import torch

    try:
        device = torch.device(name or ('cuda' if torch.cuda.is_available() else 'cpu'))
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f'cannot compute on {name!r}: {reason}; give cpu or cuda') from error
    return device


def _weights_path(model: str | Path, weights: str | Path | None) -> Path:
    if weights is not None:
        return Path(weights).expanduser()
    here = None if str(model).endswith('.py') else find_model(str(model)).weights
    if here is None:
        raise FileNotFoundError(
            f'{model} has no bundled weights; train some with tools/train.py '
            f'{find_config(model)} and give them with --weights FILE, or see: stgr models list'
        )
    return here
