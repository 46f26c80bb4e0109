"""Which model made the vectors of an index."""

from typing import TYPE_CHECKING

from stgr.apis.feature_extraction import feature_provenance
from stgr.io.feature_provenance import PROVENANCE_KEYS, stored_provenance

if TYPE_CHECKING:
    from stgr.models.grounders.base_grounder import BaseGrounder
    from stgr.structures import ModelFacts

_NOT_COMPARED = ('stgr_version',)


def model_origin(
    model: 'BaseGrounder', facts: 'ModelFacts', *, rate_fps: float, reader: str
) -> dict[str, str]:
    """Return what vectors of this model come from; an index with another origin is refused.

    Weights and config by their checksums, and what the stored features come from: rate, reader,
    picture size, statistics, layer.

    Args:
        model: The model.
        facts: Who it is.
        rate_fps: Frames per second of video.
        reader: Registered name of the video reader.
    """
    provenance = feature_provenance(model, rate_fps=rate_fps, reader=reader)
    assert set(provenance) >= set(PROVENANCE_KEYS), 'features say where they come from'
    stored = stored_provenance(provenance, 'index')
    return {
        'weights_sha256': str(facts.weights_sha256),
        'config_sha256': str(facts.config_sha256),
        **{key: value for key, value in stored.items() if key not in _NOT_COMPARED},
    }
