"""Checkpoints that are whole, whether the model that is saved or loaded lies in shards or not."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from mmengine.dist import is_main_process
from mmengine.optim import OptimWrapper
from torch import Tensor, nn

from stgr.ops.gather import sharded_like, whole


@contextmanager
def whole_state_dicts(model: nn.Module, optim_wrapper: Any) -> Iterator[None]:
    """Let the state dicts of a sharded model and its optimizer hold whole tensors, in the block.

    They are gathered here, one tensor at a time, by all processes; the first one keeps them, in
    the memory of the CPU, and is the only one to ask for them. Nothing happens to a model that is
    not sharded. What is saved so is a file for any number of processes, which a distributed
    checkpoint (one file per process) is only after a conversion; the price is that the first
    process holds one copy of weights and optimizer states.

    Args:
        model: A runner's model, with or without its wrapper.
        optim_wrapper: A runner's optim wrapper; anything that has no ``optimizer`` is left alone.
    """
    model = getattr(model, 'module', model)  # inside a wrapper
    if not any(hasattr(parameter, 'full_tensor') for parameter in model.parameters()):
        yield
        return
    handles = [_replacing(model, _gathered(model.state_dict()))]
    optimizer = getattr(optim_wrapper, 'optimizer', None)
    if optimizer is not None:
        states = {
            index: _gathered(state) for index, state in optimizer.state_dict()['state'].items()
        }
        handles.append(
            optimizer.register_state_dict_post_hook(lambda _, saved: {**saved, 'state': states})
        )
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def shard_optimizer_state(saved: dict[str, Any], optim_wrapper: OptimWrapper) -> None:
    """Cut the whole states of a checkpoint as the parameters that they belong to, in place.

    Args:
        saved: State dict of an optim wrapper; parameters are numbered in the order of its groups.
        optim_wrapper: The one it will be loaded into. All processes have to call this.
    """
    groups = optim_wrapper.optimizer.param_groups
    parameters = [parameter for group in groups for parameter in group['params']]
    for index, state in saved['state'].items():
        for name, value in state.items():
            if isinstance(value, Tensor) and value.shape == parameters[index].shape:
                state[name] = sharded_like(value, parameters[index])


def _gathered(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return tensors that were sharded, whole and on the CPU; nothing in other processes."""
    found = {}
    for name, value in state.items():
        joined = whole(value).cpu() if isinstance(value, Tensor) else value
        if is_main_process():
            found[name] = joined
    return found


def _replacing(model: nn.Module, gathered: Mapping[str, Tensor]) -> Any:
    def replace(module: nn.Module, state: dict[str, Any], prefix: str, metadata: Any) -> None:
        state.update(gathered)

    return model.register_state_dict_post_hook(replace)
