"""Models in folders and on the Hugging Face Hub: config, weights and card, and no code."""

import hashlib
import json
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stgr import __version__
from stgr.apis.build import build_from_config, config_sha256, find_calibration
from stgr.apis.model_card import ModelCard
from stgr.apis.model_hub import PRETRAINED_CONFIG
from stgr.apis.plain_config import check_plain_config, plain_config
from stgr.calibration import (
    BACKGROUND_SUFFIX,
    CALIBRATION_SUFFIX,
    Calibration,
    calibration_path,
    save_calibration,
)
from stgr.io.atomic import write_atomically
from stgr.io.checked_json import JsonNode, format_json, read_json
from stgr.io.hub import hub_files

if TYPE_CHECKING:
    from mmengine.config import Config

    from stgr.models.grounders.base_grounder import BaseGrounder
    from stgr.structures import ModelFacts

FORMAT = 'stgr-model/1'
CONFIG_FILE, WEIGHTS_FILE, CARD_FILE = PRETRAINED_CONFIG, 'model.safetensors', 'README.md'
CALIBRATION_FILES = (f'model{CALIBRATION_SUFFIX}', f'model{BACKGROUND_SUFFIX}')
FILES = (CONFIG_FILE, WEIGHTS_FILE, CARD_FILE, *CALIBRATION_FILES)
FIELDS = {'format', 'stgr_version', 'name', 'model', 'ground_fps', 'notice'}
MAX_FPS = 240  # no camera of people's films is faster
_REPO_ID = re.compile(r'[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?')


@dataclass(frozen=True)
class PretrainedModel:
    """A model as it is saved and loaded.

    Args:
        config: It has ``model`` and may have ``notice``.
        model: Made of ``config.model``, with its weights.
        facts: Its name, and checksums of weights and config.
        rate_fps: Evaluated frames per second.
        calibration: What makes probabilities of its scores; None: nothing.
    """

    config: 'Config'
    model: 'BaseGrounder'
    facts: 'ModelFacts'
    rate_fps: float | None
    calibration: Calibration | None


def save_pretrained(
    saved: PretrainedModel,
    folder: Path,
    *,
    licence: str | None = None,
    description: str = '',
    scores: Mapping[str, float] | None = None,
    repo_id: str | None = None,
) -> Path:
    """Write a model to a folder and return the folder; see ``Grounder.save_pretrained``.

    An old config goes first and the new one comes last: a folder without it is no model.
    """
    from safetensors.torch import save

    document = _document(saved)
    content = save(
        {
            key: tensor.detach().cpu().contiguous().clone()
            for key, tensor in saved.model.state_dict().items()
        }
    )
    sha256 = hashlib.sha256(content).hexdigest()
    card = _card(saved, document, sha256, licence, description, scores or {})
    folder.mkdir(parents=True, exist_ok=True)
    for file in (CONFIG_FILE, *CALIBRATION_FILES):
        (folder / file).unlink(missing_ok=True)
    write_atomically(folder / WEIGHTS_FILE, content)
    write_atomically(folder / CARD_FILE, card.text(repo_id).encode())
    _save_calibration(saved, document, sha256, folder)
    write_atomically(folder / CONFIG_FILE, (format_json(document) + '\n').encode())
    return folder


def _document(saved: PretrainedModel) -> dict[str, Any]:
    """Return what ``config.json`` holds; refuse what could not be read again."""
    config = saved.config
    document = {
        'format': FORMAT,
        'stgr_version': __version__,
        'name': Path(saved.facts.name).name.removesuffix('.py'),
        'model': plain_config(config.model.to_dict()),
        'ground_fps': saved.rate_fps,
        'notice': ' '.join((config.get('notice') or '').split()) or None,
    }
    check_plain_config(document['model'], 'model')
    return document


def _card(
    saved: PretrainedModel,
    document: Mapping[str, Any],
    weights_sha256: str,
    licence: str | None,
    description: str,
    scores: Mapping[str, float],
) -> ModelCard:
    model = saved.model
    return ModelCard(
        document['name'],
        licence=licence,
        description=description,
        scores=scores,
        notice=document['notice'],
        weights_sha256=weights_sha256,
        num_parameters=sum(tensor.numel() for tensor in model.state_dict().values()),
        thresholds={
            'pool of actions': float(model.pool_threshold),
            'free queries': float(model.query_threshold),
        },
    )


def _save_calibration(
    saved: PretrainedModel, document: Mapping[str, Any], weights_sha256: str, folder: Path
) -> None:
    """Write the calibration of the model as it will be read, if it has one."""
    from mmengine.config import Config

    if saved.calibration is None:
        return
    as_read = Config(json.loads(format_json(document)))
    fitted = replace(
        saved.calibration,
        weights_sha256=weights_sha256,
        config_sha256=config_sha256(as_read, saved.model),
    )
    save_calibration(fitted, calibration_path(folder / WEIGHTS_FILE))


def push_to_hub(
    saved: PretrainedModel,
    repo_id: str,
    *,
    private: bool,
    token: str | bool | None,
    revision: str | None,
    commit_message: str,
    **card: Any,
) -> str:
    """Upload a model and return the address of the commit; see ``Grounder.push_to_hub``."""
    from huggingface_hub import HfApi, constants

    if not _REPO_ID.fullmatch(repo_id):
        raise ValueError(f'repo_id must be owner/name, but is {repo_id!r}')
    if constants.is_offline_mode():
        raise ValueError('HF_HUB_OFFLINE is set; unset it to upload a model')
    with tempfile.TemporaryDirectory(prefix='stgr-') as name:
        folder = save_pretrained(saved, Path(name), repo_id=repo_id, **card)
        api = HfApi(token=token)
        made = api.create_repo(repo_id, private=private, exist_ok=True)
        commit = api.upload_folder(
            repo_id=made.repo_id,
            folder_path=folder,
            revision=revision,
            commit_message=commit_message,
            allow_patterns=list(FILES),
        )
    return str(commit.commit_url)


def load_pretrained(
    repo_or_folder: str | Path,
    *,
    revision: str | None = None,
    token: str | bool | None = None,
    cache_dir: str | Path | None = None,
    local_files_only: bool | None = None,
    device: str | None = None,
) -> PretrainedModel:
    """Return the model of a folder or of the hub; see ``Grounder.from_pretrained``."""
    if Path(repo_or_folder).is_dir():
        if revision is not None:
            raise ValueError(f'{repo_or_folder} is a folder, which has no revision {revision!r}')
        folder = Path(repo_or_folder)
    else:
        name = str(repo_or_folder)
        if not _REPO_ID.fullmatch(name):
            raise FileNotFoundError(f'no folder {name}, and no name of the hub (owner/name)')
        fetch = partial(
            hub_files,
            name,
            token=token,
            cache_dir=cache_dir,
            local_files_only=local_files_only,
        )
        commit = fetch((CONFIG_FILE,), revision=revision)
        read_config(commit / CONFIG_FILE)  # what is no model of ours is refused before its weights
        folder = fetch(FILES, revision=commit.name)
    config = read_config(folder / CONFIG_FILE)
    weights = folder / WEIGHTS_FILE
    if not weights.is_file():
        raise FileNotFoundError(f'{folder} has no {WEIGHTS_FILE}; other weights are not read')
    model, facts = build_from_config(
        config, name=str(repo_or_folder), weights=weights, device=device
    )
    calibration = find_calibration(folder, facts, weights=weights)
    return PretrainedModel(config, model, facts, config.get('ground_fps'), calibration)


def read_config(path: Path) -> 'Config':
    """Return the config of a model from elsewhere, checked to name parts of ``stgr`` only.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is of another format, has unknown fields, is no grounder, or see
            ``check_plain_config``.
    """
    from mmengine.config import Config

    from stgr.models.grounders.base_grounder import BaseGrounder
    from stgr.registry import MODELS

    document = read_json(path)
    if 'format' not in document.names():
        raise ValueError(
            f'{path}: no model that save_pretrained wrote; a CLIP or SigLIP needs --method gem'
        )
    if document['format'].text() != FORMAT:
        raise ValueError(
            f'{path}: format is {document["format"].value!r}; this version of stgr reads {FORMAT}'
        )
    unknown = sorted(set(document.names()) - FIELDS)
    if unknown:
        raise ValueError(f'{path}: a config from elsewhere may not have {", ".join(unknown)}')
    check_plain_config(document['model'].value, f'{path}: model')
    kind = MODELS.module_dict[document['model']['type'].text()]
    if not (isinstance(kind, type) and issubclass(kind, BaseGrounder)):
        raise ValueError(f'{path}: model.type {kind.__name__} does not ground')
    fields: dict[str, Any] = {'model': document['model'].value}
    if document.value.get('ground_fps') is not None:
        fields['ground_fps'] = _rate(document['ground_fps'])
    if document.value.get('notice') is not None:
        fields['notice'] = _printable(document['notice'])
    return Config(fields)


def _rate(node: JsonNode) -> float:
    rate = node.number()
    if not 0 < rate <= MAX_FPS:
        raise ValueError(f'{node.where} must be in (0, {MAX_FPS}], but is {rate}')
    return rate


def _printable(node: JsonNode) -> str:
    """Return a text without control characters, which would command the terminal."""
    text = node.text()
    if not text.isprintable():
        raise ValueError(f'{node.where} holds characters that cannot be printed')
    return text
