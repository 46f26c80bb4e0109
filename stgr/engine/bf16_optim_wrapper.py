"""Mixed precision that runs on a CPU and on a GPU alike."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.optim import OptimWrapper
from torch import nn

from stgr.registry import OPTIM_WRAPPERS


def autocast(device: str, dtype: torch.dtype) -> torch.autocast:
    """Return a context of half precision in which weights may be used with and without gradient.

    Torch keeps the first copy of a weight that it makes. Releases before the fix of October 2025
    (pytorch/pytorch#165068) also kept one made without gradient, as where frames are selected,
    which would cut the weight off from the loss for the rest of the step: so none is kept.
    """
    return torch.autocast(device, dtype=dtype, cache_enabled=False)


@OPTIM_WRAPPERS.register_module()
class Bf16OptimWrapper(OptimWrapper):
    """Run the forward pass in bfloat16 where torch deems it safe; weights stay float32.

    MMEngine's ``AmpOptimWrapper`` asserts that there is a GPU. bfloat16 has float32's range, so no
    loss scaler is needed.
    """

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Autocast on the device of ``model``, with MMEngine's gradient accumulation inside."""
        device = next(model.parameters()).device.type
        with super().optim_context(model), autocast(device, torch.bfloat16):
            yield
