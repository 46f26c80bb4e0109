"""Where stored features come from, so that features of another origin are refused."""

from collections.abc import Mapping
from pathlib import Path

from stgr import __version__

FORMAT_VERSION = '1'
PROVENANCE_KEYS = ('reader', 'rate_fps', 'image_size', 'grid', 'backbone_sha256')
LATER_KEYS = ('crop', 'mean', 'std', 'layer')
"""Keys that the first feature files lack: compared where they are stored."""


def stored_provenance(provenance: Mapping[str, object], path: str | Path) -> dict[str, str]:
    """Return the metadata of a feature file: strings, with the format's and our version added.

    Pairs such as ``grid=(7, 7)`` become ``'7,7'``, whole numbers lose their ``.0``.

    Args:
        provenance: At least the ``PROVENANCE_KEYS``: registered name of the video reader, frames
            per second, image size the backbone saw, patch grid ``(h, w)``, checksum of the
            backbone's weights.
        path: The file, for the message.

    Raises:
        ValueError: If a key is missing.
    """
    missing = [key for key in PROVENANCE_KEYS if key not in provenance]
    if missing:
        raise ValueError(f'{path}: features need their provenance; missing: {", ".join(missing)}')
    versions = {'format_version': FORMAT_VERSION, 'stgr_version': __version__}
    return {**_strings(provenance), **versions}


def check_provenance(
    found: Mapping[str, str], expected: Mapping[str, object], *, source: str | Path
) -> None:
    """Raise if stored features do not come from where the caller needs them to come from.

    Args:
        found: Metadata of the file.
        expected: What the caller needs; keys that it leaves out are not compared.
        source: The file, for the message.

    Raises:
        ValueError: If a value differs; the message shows both sides of every difference.
    """
    differing = [
        f'{key}: stored {found.get(key, "nothing")!r}, needed {value!r}'
        for key, value in _strings(expected).items()
        if found.get(key) != value and (key in found or key not in LATER_KEYS)
    ]
    if differing:
        raise ValueError(
            f'{source} holds features of another origin ({"; ".join(differing)}); extract the '
            'features again or use the model and settings they were made with'
        )


def _strings(provenance: Mapping[str, object]) -> dict[str, str]:
    return {key: _string(value) for key, value in provenance.items()}


def _string(value: object) -> str:
    if isinstance(value, list | tuple):
        return ','.join(_string(part) for part in value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
