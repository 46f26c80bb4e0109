"""Loading weights into a model, all of them or none.

MMEngine loads with ``strict=False``: a checkpoint of another model prints a warning and the run
goes on with random weights. Here names and shapes are compared first and the error says which
differ.
"""

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from stgr.io.weight_files import unwrapped
from stgr.ops.gather import sharded_like

_SHOWN = 5


def load_weights(model: nn.Module, state_dict: Mapping[str, Tensor], *, source: str) -> None:
    """Load ``state_dict`` into ``model`` after checking that both are of the same model.

    A leading ``module.``, left by data-parallel wrappers, is removed from the names. Where
    processes hold shards of the model, all of them have to load.

    Args:
        model: The model; unchanged if an error is raised.
        state_dict: Names to tensors.
        source: Where the weights come from, for the error message.

    Raises:
        ValueError: If a name is missing, unexpected, or there with and without ``module.``, or a
            shape differs.
    """
    weights = unwrapped(state_dict, source=source)
    expected = model.state_dict()
    missing = [name for name in expected if name not in weights]
    unexpected = [name for name in weights if name not in expected]
    shapes = [
        f'{name} {tuple(weights[name].shape)} instead of {tuple(expected[name].shape)}'
        for name in expected
        if name in weights and weights[name].shape != expected[name].shape
    ]
    faults = {'missing': missing, 'unexpected': unexpected, 'of another shape': shapes}
    if any(faults.values()):
        raise ValueError(_describe(faults, source=source, model=type(model).__name__))
    _check_backbone(expected, weights, source=source)
    weights = {name: sharded_like(value, expected[name]) for name, value in weights.items()}
    model.load_state_dict(weights, strict=True)


def _check_backbone(
    expected: Mapping[str, Tensor], weights: Mapping[str, Tensor], *, source: str
) -> None:
    """Refuse weights that were trained on another frozen backbone than the one at hand."""
    for name in expected:
        if name.rpartition('.')[2] != 'fingerprint' or name not in weights:
            continue
        here, there = (bytes(d[name].tolist()).hex()[:12] for d in (expected, weights))
        if here != there:
            raise ValueError(
                f'{source} was trained on another frozen backbone (sha256 {there}...) than the '
                f'one at hand ({here}...); give the backbone it was trained on, or train anew'
            )


def _describe(faults: Mapping[str, Sequence[str]], *, source: str, model: str) -> str:
    parts = [f'{len(names)} {kind} ({_some(names)})' for kind, names in faults.items() if names]
    return (
        f'{source} does not fit {model}: {"; ".join(parts)}; '
        'give the checkpoint that was made with this config'
    )


def _some(names: Sequence[str]) -> str:
    more = f', and {len(names) - _SHOWN} more' if len(names) > _SHOWN else ''
    return ', '.join(names[:_SHOWN]) + more
