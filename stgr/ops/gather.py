"""The batch of all processes, with gradient: the only file of ours with collectives."""

from collections.abc import Iterable
from typing import Any, cast

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable


def all_gather(values: Tensor) -> Tensor:
    """Return the rows of every process, joined in the order of the ranks, with gradient.

    A contrastive loss needs the whole batch as negatives. When every rank computes the **full**
    loss on what is gathered and DistributedDataParallel averages the gradients, loss and gradients
    equal those of one process with the joined batch. The backward pass sums the gradients that all
    ranks have for a row; keeping only the own slice (as CoMMA's released code does) would give
    other gradients than one process.

    Every rank must call it equally often and in the same order, with the same shape (drop the last,
    shorter batch), and ``values`` must require a gradient on all ranks or on none: otherwise the
    ranks wait for each other for ever. Works with masks and integers, which have no gradient.

    Args:
        values: Rows of this process, (B, ...), on the device of the process group.

    Returns:
        Rows of all processes, (world size * B, ...); ``values`` itself in a single process.

    Raises:
        ValueError: On all ranks alike, if the shapes of the ranks differ.
    """
    if not (dist.is_available() and dist.is_initialized()) or dist.get_world_size() == 1:
        return values
    _check_shapes_agree(values)
    return cast(Tensor, _AllGather.apply(values))  # type: ignore[no-untyped-call]


def pad_to_longest(values: Tensor, dim: int, value: float = 0.0) -> Tensor:
    """Return tensors that are equally long on all ranks, padded at the end of one axis.

    Every rank must call it equally often and in the same order.

    Args:
        values: Any shape and type; other axes must agree.
        dim: Axis to pad, counted from the front.
        value: What to pad with.
    """
    if not (dist.is_available() and dist.is_initialized()) or dist.get_world_size() == 1:
        return values
    longest = torch.tensor(values.shape[dim], device=values.device)
    dist.all_reduce(longest, dist.ReduceOp.MAX)
    missing = int(longest) - values.shape[dim]
    return F.pad(values, [0, 0] * (values.dim() - dim - 1) + [0, missing], value=value)


def whole(values: Tensor) -> Tensor:
    """Return a tensor of which every process holds a shard (a DTensor), whole, on each of them.

    Every rank must call it equally often and in the same order. Other tensors are returned as they
    are. No gradient.
    """
    gather = getattr(values, 'full_tensor', None)  # without importing DTensor, which few need
    return values if gather is None else cast(Tensor, gather())


def sharded_like(values: Tensor, like: Tensor) -> Tensor:
    """Return this process' shard of a whole tensor, cut as ``like``.

    Every rank must call it equally often and in the same order; the values are those of rank 0.

    Args:
        values: A whole tensor of the shape of ``like``.
        like: What it is to be like; if it is no DTensor, ``values`` are returned as they are.
    """
    if not hasattr(like, 'full_tensor'):
        return values
    from torch.distributed.tensor import distribute_tensor

    return distribute_tensor(values, like.device_mesh, like.placements)  # type: ignore[attr-defined]


def copy_from_first_rank(tensors: Iterable[Tensor]) -> None:
    """Overwrite tensors, in place, by those of rank 0; every rank must have the same shapes."""
    for tensor in tensors:
        dist.broadcast(tensor.detach(), src=0)


class _AllGather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        return torch.cat(_gather_list(values))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        total = grad.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total.chunk(dist.get_world_size())[dist.get_rank()]


def _check_shapes_agree(values: Tensor) -> None:
    """Compare shapes first: a collective on unequal ones hangs or mixes up the rows.

    It runs at every call: a rank that skipped it (having seen its shape before, say) would leave
    the others waiting. Shapes of up to seven axes.
    """
    sizes = torch.tensor([values.dim(), *values.shape, *[0] * 8][:8], device=values.device)
    shapes = [tuple(found[1 : 1 + int(found[0])].tolist()) for found in _gather_list(sizes)]
    if len(set(shapes)) > 1:
        raise ValueError(
            f'all ranks must gather one shape, but ranks 0, 1, ... have {shapes}; '
            'drop the last incomplete batch'
        )


def _gather_list(values: Tensor) -> list[Tensor]:
    gathered = [torch.empty_like(values) for _ in range(dist.get_world_size())]
    dist.all_gather(gathered, values.contiguous())
    return gathered
