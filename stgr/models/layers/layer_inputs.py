"""What enters a layer of somebody else's model, without changing that model."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn


@contextmanager
def entering(layer: nn.Module) -> Iterator[list[Tensor]]:
    """Collect the first argument of each call of ``layer`` in the block.

    The libraries' own ways to ask for hidden states differ between their versions.

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
