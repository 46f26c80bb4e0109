"""Stored features must come from the backbone that the model has."""

from collections.abc import Mapping
from typing import Any

from stgr.datasets.transforms import LoadFeatures


def expect_features_of(provenance: Mapping[str, object], config: Any) -> None:
    """Make every ``LoadFeatures`` of a data loader's config refuse features of another backbone.

    Args:
        provenance: Fingerprint, grid and picture size of the model's backbone, by the names they
            have in feature files.
        config: Config of a data loader, or any part of one; changed in place. A transform that
            names a provenance itself is left alone.
    """
    if isinstance(config, Mapping):
        if _loads_features(config.get('type')) and config.get('provenance') is None:
            config['provenance'] = dict(provenance)  # type: ignore[index]
        config = list(config.values())
    if isinstance(config, list | tuple):
        for part in config:
            expect_features_of(provenance, part)


def _loads_features(kind: Any) -> bool:
    if isinstance(kind, str):
        return kind.rpartition('.')[2] == LoadFeatures.__name__
    return isinstance(kind, type) and issubclass(kind, LoadFeatures)
