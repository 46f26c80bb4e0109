"""float16 with a loss scaler that runs on a GPU and on a CPU alike."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.optim import OptimWrapper
from torch import Tensor, nn

from stgr.engine.bf16_optim_wrapper import autocast
from stgr.registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class Fp16OptimWrapper(OptimWrapper):
    """Run the forward pass in float16 where torch deems it safe, and scale the loss.

    float16 ends at 65504 and loses gradients below 6e-8, so the loss is multiplied before the
    backward pass and the gradients are divided after it; a step whose gradients are not finite is
    left out and the factor halved. Prefer ``Bf16OptimWrapper`` wherever bfloat16 is fast: float16
    is for older GPUs. MMEngine's ``AmpOptimWrapper`` does the same, but only on a GPU.

    Args:
        init_scale: First factor of the loss.
        **kwargs: See MMEngine's ``OptimWrapper``.
    """

    def __init__(self, *, init_scale: float = 2.0**16, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        device = self.optimizer.param_groups[0]['params'][0].device.type
        self.loss_scaler = torch.amp.GradScaler(device, init_scale=init_scale)

    def backward(self, loss: Tensor, **kwargs: Any) -> None:
        """Add the gradients of the scaled loss."""
        self.loss_scaler.scale(loss).backward(**kwargs)
        self._inner_count += 1

    def step(self, **kwargs: Any) -> None:
        """Unscale, clip and step, unless a gradient is not finite; adapt the factor."""
        if self.clip_grad_kwargs:
            self.loss_scaler.unscale_(self.optimizer)
            self._clip_grad()
        self.loss_scaler.step(self.optimizer, **kwargs)
        self.loss_scaler.update()

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Autocast on the device of ``model``, with MMEngine's gradient accumulation inside."""
        device = next(model.parameters()).device.type
        with super().optim_context(model), autocast(device, torch.float16):
            yield

    def state_dict(self) -> dict[str, Any]:
        """Return the state of the optimizer with that of the scaler."""
        return {**super().state_dict(), 'loss_scaler': self.loss_scaler.state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over both states; a scaler that was not saved starts anew."""
        state_dict = dict(state_dict)
        scaler = state_dict.pop('loss_scaler', None)
        if scaler is not None:
            self.loss_scaler.load_state_dict(scaler)
        super().load_state_dict(state_dict)
