"""What enters and leaves layers of somebody else's model, without changing that model.

The libraries' own ways to ask for hidden states differ between their versions.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import Tensor, nn


@contextmanager
def entering(layer: nn.Module) -> Iterator[list[Tensor]]:
    """Collect the first argument of each call of ``layer`` in the block.

    Args:
        layer: The layer to watch; its first argument is a tensor of any shape.

    Yields:
        A list to which each call inside the block adds what entered, with its gradient.
    """
    inputs: list[Tensor] = []

    def note(_: nn.Module, args: tuple, kwargs: dict) -> None:
        inputs.append(args[0] if args else kwargs['hidden_states'])

    handle = layer.register_forward_pre_hook(note, with_kwargs=True)
    try:
        yield inputs
    finally:
        handle.remove()


@contextmanager
def passing(layers: Sequence[nn.Module]) -> Iterator[list[Tensor]]:
    """Collect what enters the first layer and what leaves each of them, in the order of calls.

    Args:
        layers: Layers that are called one after the other; each returns a tensor of any shape, or
            a tuple that begins with it.

    Yields:
        A list of 1 + layers tensors after one call of the model in the block, with gradients.
    """
    states: list[Tensor] = []

    def note(layer: nn.Module, _: Any, output: Any) -> None:
        if layer is layers[0]:
            states.append(first[-1])
        states.append(output[0] if isinstance(output, tuple) else output)

    with ExitStack() as hooks:
        first = hooks.enter_context(entering(layers[0]))
        for layer in layers:
            hooks.callback(layer.register_forward_hook(note).remove)
        yield states
