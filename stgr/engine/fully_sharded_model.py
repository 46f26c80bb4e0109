"""A model whose weights, gradients and optimizer states are spread over the processes."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import torch
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard
from torch.torch_version import TorchVersion

from stgr.models.backbones import GroundingBackbone
from stgr.ops.gather import copy_from_first_rank
from stgr.registry import MODEL_WRAPPERS

OLDEST_TORCH = '2.10'

HalfPrecision = Literal['bfloat16', 'float16']


@MODEL_WRAPPERS.register_module()
class FullyShardedModel(nn.Module):
    """Fully sharded data parallelism (torch's ``fully_shard``) for ``model_wrapper_cfg``.

    Each process holds 1 / world size of what learns, of its gradients and of its optimizer states
    (Rajbhandari et al. 2020, ZeRO-3). The layers of the backbone are gathered one at a time, before
    their forward and again before their backward pass; everything else is gathered for the whole
    step. Losses, gradients and steps are those of ``MMDistributedDataParallel``, and with gathered
    negatives those of one process with the whole batch. What is frozen is not sharded: it has
    neither gradient nor optimizer state.

    In evaluation the weights are gathered once, by the first video, and stay until the next
    training step: videos are unequally long, and layers that are gathered one by one would have to
    run equally often everywhere.

    Checkpoints of ``GroundingRunner`` are those of one process, whole, and load into any number
    of them. Gradients are averaged in every backward pass, also while they are accumulated, which
    keeps them sharded. The whole model must fit a device once, in evaluation; a copy of it, such
    as an average of weights (EMA), cannot be made.

    Args:
        module: The model, which is changed in place: initialised, as MMEngine does before training,
            given the weights of rank 0, and sharded.
        reshard_after_forward: Whether layers are given back after the forward pass and gathered
            again for the backward pass. False keeps them, and needs less communication.
        layer_dtype: Half precision in which layers are gathered, stored for the backward pass and
            computed; what they return is float32. None: float32, or as an optim wrapper says
            (``Bf16OptimWrapper``), which leaves the communication at float32. Shards, gradients'
            sums and the optimizer are float32 in any case.

    Raises:
        RuntimeError: If no process group was joined (``--launcher``), or this torch cannot leave
            out what is frozen.
        ValueError: If a ``layer_dtype`` is unknown.
    """

    def __init__(
        self,
        module: BaseModel,
        *,
        reshard_after_forward: bool = True,
        layer_dtype: HalfPrecision | None = None,
    ) -> None:
        super().__init__()
        if not torch.distributed.is_initialized():
            raise RuntimeError('FullyShardedModel needs several processes; use tools/dist_train.sh')
        if not torch_shards_rightly():
            raise RuntimeError(
                f'FullyShardedModel needs torch {OLDEST_TORCH} or later, not {torch.__version__}: '
                'earlier ones give other gradients; train with MMDistributedDataParallel'
            )
        module.init_weights()
        copy_from_first_rank([*module.parameters(), *module.buffers()])
        self._layers = _layers_that_learn(module)
        self._reshard_after_forward = reshard_after_forward
        self._in_evaluation = False
        frozen = {p for p in module.parameters() if not p.requires_grad}
        settings = {'mesh': _mesh(), 'ignored_params': frozen}
        policy = _policy(layer_dtype)
        for layer in self._layers:
            fully_shard(
                layer, reshard_after_forward=reshard_after_forward, mp_policy=policy, **settings
            )
        fully_shard(module, reshard_after_forward=False, **settings)
        self.module = module

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Run the model."""
        return self.module(*args, **kwargs)

    def train_step(self, data: Any, optim_wrapper: OptimWrapper) -> dict[str, Tensor]:
        """Take a training step of the model, on shards."""
        self.leave_evaluation()
        log: dict[str, Tensor] = self.module.train_step(data, optim_wrapper)
        return log

    def val_step(self, data: Any) -> list:
        """Answer a batch of validation videos, with whole weights."""
        self._gather()
        answers: list = self.module.val_step(data)
        return answers

    def test_step(self, data: Any) -> list:
        """Answer a batch of test videos, with whole weights."""
        self._gather()
        answers: list = self.module.test_step(data)
        return answers

    def leave_evaluation(self) -> None:
        """Give whole weights back, before training that does not go through ``train_step``."""
        if self._in_evaluation:
            self._scatter()

    @contextmanager
    def whole_weights(self) -> Iterator[None]:
        """Have all weights on every process inside the block, which all of them must enter.

        Only there other methods of the model than ``forward`` may be called; after a first step.
        """
        self._gather()
        yield
        self._scatter()

    def _gather(self) -> None:
        self._in_evaluation = True
        for part in self._sharded():
            part.set_reshard_after_forward(False, recurse=False)
            part.unshard()

    def _scatter(self) -> None:
        self._in_evaluation = False
        for part in self._sharded():
            part.reshard()
            again = self._reshard_after_forward and part is not self.module
            part.set_reshard_after_forward(again, recurse=False)

    def _sharded(self) -> Iterator[FSDPModule]:
        return (part for part in self.module.modules() if isinstance(part, FSDPModule))


@contextmanager
def whole_weights(model: nn.Module) -> Iterator[None]:
    """Have all weights on every process inside the block; see ``FullyShardedModel``.

    Args:
        model: A runner's model, sharded or not.
    """
    if not isinstance(model, FullyShardedModel):
        yield
        return
    with model.whole_weights():
        yield


def _mesh() -> Any:
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    return init_device_mesh(device, (torch.distributed.get_world_size(),))


def _policy(layer_dtype: str | None) -> MixedPrecisionPolicy:
    known = {None: None, 'bfloat16': torch.bfloat16, 'float16': torch.float16}
    if layer_dtype not in known:
        raise ValueError(f'layer_dtype must be one of {tuple(known)}, but got {layer_dtype!r}')
    if layer_dtype is None:
        return MixedPrecisionPolicy()
    return MixedPrecisionPolicy(known[layer_dtype], torch.float32, torch.float32)


def _layers_that_learn(module: nn.Module) -> list[nn.Module]:
    backbone = getattr(module, 'backbone', None)
    layers = backbone.self_contained_layers() if isinstance(backbone, GroundingBackbone) else []
    return [layer for layer in layers if all(p.requires_grad for p in layer.parameters())]


def torch_shards_rightly() -> bool:
    """Return whether this torch can be trusted with sharded training.

    torch 2.6 cannot leave out frozen weights, 2.7 has no way to keep weights gathered, 2.8 gave
    wrong gradients and 2.9 a wrong norm of them (two gloo processes against one).
    """
    return TorchVersion(torch.__version__) >= OLDEST_TORCH


def check_sharded_training(model: Any, hooks: Sequence[Any]) -> None:
    """Refuse what does not work with a sharded model.

    Args:
        model: What trains, wrapped or not.
        hooks: Registered hooks.

    Raises:
        ValueError: If weights were to be averaged by a copy of the model.
    """
    if isinstance(model, FullyShardedModel) and any(_averages(hook) for hook in hooks):
        raise ValueError(
            'FullyShardedModel does not go with EMAHook (averaged weights), which copies it; '
            'leave it out, or train without model_wrapper_cfg'
        )


def _averages(hook: Any) -> bool:
    return any(kind.__name__ == 'EMAHook' for kind in type(hook).__mro__)
