"""Mixed precision that runs on a CPU and on a GPU alike."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.optim import OptimWrapper
from torch import nn

from stgr.registry import OPTIM_WRAPPERS


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
        with super().optim_context(model), torch.autocast(device, dtype=torch.bfloat16):
            yield
