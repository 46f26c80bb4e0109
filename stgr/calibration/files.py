"""A calibration on disk: ``NAME.calibration.json`` beside the weights ``NAME``.

Background frames, where a calibration uses them, lie beside it in ``NAME.background.safetensors``.
"""

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stgr.calibration.background_bank import BackgroundBank
from stgr.calibration.calibration import (
    LOCALIZER_SETTINGS,
    Calibration,
    Occurrence,
    SpanCalibration,
)
from stgr.calibration.logistic import LogisticMap
from stgr.io.atomic import write_atomically
from stgr.io.checked_json import JsonNode, check_finite, format_json, read_json

if TYPE_CHECKING:
    from torch import Tensor

CALIBRATION_SUFFIX = '.calibration.json'
BACKGROUND_SUFFIX = '.background.safetensors'
VERSION = 1


def calibration_path(weights: str | os.PathLike[str]) -> Path:
    """Return where the calibration of a weights file lies or would lie."""
    return Path(weights).with_suffix(CALIBRATION_SUFFIX)


def save_calibration(calibration: Calibration, path: str | os.PathLike[str]) -> Path:
    """Write a calibration, its background frames first; each file appears whole or not at all.

    Args:
        calibration: What was fitted.
        path: A file whose name ends in ``.calibration.json``; overwritten.

    Returns:
        The path.

    Raises:
        ValueError: If the name ends otherwise or a number is not finite.
    """
    path = check_name(path)
    document = _to_json(calibration)
    bank = None
    if calibration.bank is not None:
        bank = _bank_bytes(calibration.bank)
        document['background'] = {
            'file': _bank_path(path).name,
            'sha256': hashlib.sha256(bank).hexdigest(),
            'grid': list(calibration.bank.grid),
            'video_ids': list(calibration.bank.video_ids),
        }
    check_finite(document, 'calibration')
    text = format_json(document) + '\n'
    path.parent.mkdir(parents=True, exist_ok=True)
    if bank is not None:
        write_atomically(_bank_path(path), bank)
    return write_atomically(path, text.encode('ascii'))


def load_calibration(path: str | os.PathLike[str]) -> Calibration:
    """Return the calibration of a file, value for value; nothing is unpickled.

    Raises:
        FileNotFoundError: If it or its background frames are not there.
        ValueError: If it is broken, of another version, or the two do not belong together.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'no calibration {path}; make it with stgr calibrate')
    document = read_json(path)
    version = document['version'].integer()
    if version != VERSION:
        raise ValueError(
            f'{path}: version is {version}, but this version of stgr reads {VERSION}; run stgr '
            'calibrate again'
        )
    try:
        return _from_json(document, path)
    except ValueError as error:
        message = str(error)
        raise ValueError(message if str(path) in message else f'{path}: {message}') from error


def calibration_sha256(calibration: Calibration) -> str:
    """Return a checksum of everything that decides a probability."""
    document = {**_to_json(calibration), 'provenance': None}
    bank = b'' if calibration.bank is None else _bank_bytes(calibration.bank)
    return hashlib.sha256(format_json(document).encode() + bank).hexdigest()


def _to_json(calibration: Calibration) -> dict[str, Any]:
    occurrence = calibration.occurrence
    return {
        'version': VERSION,
        'model': calibration.model_name,
        'weights_sha256': calibration.weights_sha256,
        'config_sha256': calibration.config_sha256,
        'rate_fps': float(calibration.rate_fps),
        'min_score': float(calibration.min_score),
        'occurrence': {
            'window_frames': occurrence.window_frames,
            'uses_background': occurrence.uses_background,
            **_map_to_json(occurrence.logistic),
        },
        'spans': {
            mode: {
                **{name: float(one.settings[name]) for name in LOCALIZER_SETTINGS},
                **_map_to_json(one.logistic),
            }
            for mode, one in calibration.spans.items()
        },
        'background': None,
        'provenance': dict(calibration.provenance),
    }


def _from_json(document: JsonNode, path: Path) -> Calibration:
    occurrence, provenance = document['occurrence'], document['provenance']
    spans = document['spans']
    if not isinstance(provenance.value, dict):
        raise ValueError(f'{provenance.where} must be an object')
    if not isinstance(spans.value, dict):
        raise ValueError(f'{spans.where} must be an object')
    return Calibration(
        model_name=document['model'].text(),
        weights_sha256=_optional_text(document['weights_sha256']),
        config_sha256=_optional_text(document['config_sha256']),
        rate_fps=document['rate_fps'].number(),
        occurrence=Occurrence(
            occurrence['window_frames'].integer(),
            _map_from_json(occurrence),
            occurrence['uses_background'].flag(),
        ),
        spans={
            mode: SpanCalibration(
                _map_from_json(spans[mode]),
                {name: spans[mode][name].number() for name in LOCALIZER_SETTINGS},
            )
            for mode in spans.value
        },
        bank=_load_bank(document['background'], path),
        min_score=document['min_score'].number(),
        provenance=provenance.value,
    )


def _map_to_json(logistic: LogisticMap) -> dict[str, Any]:
    return {'weights': list(logistic.weights), 'bias': logistic.bias}


def _map_from_json(node: JsonNode) -> LogisticMap:
    return LogisticMap(tuple(node['weights'].array('f8').tolist()), node['bias'].number())


def _load_bank(node: JsonNode, path: Path) -> BackgroundBank | None:
    if node.value is None:
        return None
    from safetensors.torch import load

    file = path.with_name(Path(node['file'].text()).name)
    if not file.is_file():
        raise FileNotFoundError(f'{path} needs {file.name} beside it; run stgr calibrate again')
    contents = file.read_bytes()
    if hashlib.sha256(contents).hexdigest() != node['sha256'].text():
        raise ValueError(f'{file} is not the one that {path} was written with')
    tensors = load(contents)
    rows, columns = (item.integer() for item in node['grid'].items())
    videos = tuple(item.text() for item in node['video_ids'].items())
    return BackgroundBank(tensors['frames'], tensors.get('patches'), (rows, columns), videos)


def _bank_bytes(bank: BackgroundBank) -> bytes:
    from safetensors.torch import save

    tensors: dict[str, Tensor] = {'frames': bank.frames.contiguous()}
    if bank.patches is not None:
        tensors['patches'] = bank.patches.contiguous()
    return save(tensors)


def _bank_path(path: Path) -> Path:
    return path.with_name(path.name.removesuffix(CALIBRATION_SUFFIX) + BACKGROUND_SUFFIX)


def check_name(path: str | os.PathLike[str]) -> Path:
    """Return a path whose name ends as that of a calibration must.

    Raises:
        ValueError: If it ends otherwise.
    """
    path = Path(path)
    if not path.name.endswith(CALIBRATION_SUFFIX):
        raise ValueError(f'{path} must end in {CALIBRATION_SUFFIX}, as weights look for it')
    return path


def _optional_text(node: JsonNode) -> str | None:
    return None if node.value is None else node.text()
