"""One optimizer step on a batch that does not fit the device, its negatives kept whole."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from mmengine.model import is_model_wrapper
from mmengine.optim import OptimWrapper
from torch import Tensor, nn

from stgr.engine.fully_sharded_model import FullyShardedModel
from stgr.models.grounders import SpatioTemporalGrounder
from stgr.structures.frame_selection import FrameSelection

Batch = dict[str, Any]


def cached_gradient_step(
    model: Any, data: Batch, optim_wrapper: OptimWrapper, *, chunk_clips: int
) -> dict[str, Tensor]:
    """Take the step of the whole batch with the memory of one chunk; return the losses to log.

    MMEngine's ``accumulative_counts`` sums the losses of small batches, in which a clip meets few
    negatives. Here the global loss compares all clips of the batch (of all processes), by gradient
    caching (Gao et al. 2021, "Scaling deep contrastive learning batch size under memory limited
    setup"):

    1. Chunk by chunk and without gradient, select the frames and embed clips and narrations.
    2. The global loss of all embeddings gives the gradient of each embedding.
    3. Chunk by chunk and with gradient, embed again the same frames under the same random numbers,
       and go back from the cached gradients. Processes sum their gradients after the last chunk.

    The gradients are those of the loss below, up to rounding; they are not approximated. Whatever
    else looks across a batch sees one chunk, as it sees the clips of one process with several: the
    local loss (their mean, weighted by clips), a plan of transport for the batch, batch norms,
    whose statistics are updated once. So K chunks in one process are K processes.

    It costs a second forward pass without gradient. Every process must have as many clips. A model
    in shards averages its gradients after every chunk, which keeps them in shards.

    Args:
        model: A ``SpatioTemporalGrounder``, or one wrapped for several processes.
        data: A batch as the data loader collates it: lists, or tensors with a row per clip.
        optim_wrapper: Any of MMEngine's or ours.
        chunk_clips: Clips at a time, >= 1.

    Raises:
        TypeError: If the model is no ``SpatioTemporalGrounder``.
        ValueError: If ``optim_wrapper`` accumulates too.
    """
    grounder = _checked(model, optim_wrapper)
    chunks = [_rows(data, rows) for rows in _cut(len(data['data_samples']), chunk_clips)]
    if len(chunks) == 1:
        losses: dict[str, Tensor] = model.train_step(data, optim_wrapper)
        return losses
    sharded = isinstance(model, FullyShardedModel)
    if sharded:
        model.leave_evaluation()
    with optim_wrapper.optim_context(grounder):
        kept = _first_pass(grounder, chunks, run=model if sharded else grounder)
        losses = _cache_gradients(grounder, kept)
    for number, (chunk, passed) in enumerate(zip(chunks, kept, strict=True), start=1):
        share = len(chunk['data_samples']) / len(data['data_samples'])
        with ExitStack() as stack:
            if number < len(chunks) and is_model_wrapper(model) and not sharded:
                stack.enter_context(model.no_sync())
            with optim_wrapper.optim_context(model):
                inputs = grounder.data_preprocessor(chunk, training=True)
                with passed.random.replayed():
                    embeds, local = model(**inputs, mode='embed', selection=passed.selection)
            for name, value in local.items():
                losses[name] = losses.get(name, 0.0) + share * value.detach()
            optim_wrapper.backward(_going_back(embeds, passed.gradients, local, share))
    optim_wrapper.step()
    optim_wrapper.zero_grad()
    logged: dict[str, Tensor] = grounder.parse_losses(losses)[1]
    return logged


class _Passed:
    """What the first pass keeps of a chunk: nothing that grows with pictures or patches."""

    def __init__(self, selection: FrameSelection, random: '_RandomState') -> None:
        self.selection = selection
        self.random = random
        self.embeds: dict[str, Tensor] = {}
        self.gradients: dict[str, Tensor] = {}


class _RandomState:
    """Where torch's generators stood, on the CPU and on one device."""

    def __init__(self, device: torch.device) -> None:
        self._devices = [device] if device.type == 'cuda' else []
        self._cpu = torch.get_rng_state()
        self._cuda = [torch.cuda.get_rng_state(each) for each in self._devices]

    @contextmanager
    def replayed(self) -> Iterator[None]:
        """Draw the same numbers again; afterwards draw on from where the caller was."""
        with torch.random.fork_rng(self._devices):
            torch.set_rng_state(self._cpu)
            for device, state in zip(self._devices, self._cuda, strict=True):
                torch.cuda.set_rng_state(state, device)
            yield


@torch.no_grad()
def _first_pass(
    grounder: SpatioTemporalGrounder, chunks: list[Batch], *, run: nn.Module
) -> list[_Passed]:
    """Select and embed; buffers stay as they were, so that the second pass alone changes them.

    ``run`` is the grounder, or the wrapper that gathers its weights for each forward pass.
    """
    kept = []
    with _buffers_kept(grounder):
        for chunk in chunks:
            inputs = grounder.data_preprocessor(chunk, training=True)
            selection = run(**inputs, mode='choose')
            passed = _Passed(selection, _RandomState(selection.indices.device))
            if grounder.global_head is not None:
                embed = {'mode': 'embed', 'selection': selection, 'local': False}
                passed.embeds = run(**inputs, **embed)[0]
            kept.append(passed)
    return kept


def _cache_gradients(grounder: SpatioTemporalGrounder, kept: list[_Passed]) -> dict[str, Tensor]:
    """Give each chunk the gradients of its embeddings; return the global losses, detached."""
    names = list(kept[0].embeds)
    embeds = {name: torch.cat([passed.embeds[name] for passed in kept]) for name in names}
    real = [name for name in names if embeds[name].is_floating_point()]  # masks have no gradient
    for name in real:
        embeds[name].requires_grad_()
    losses = grounder.global_losses(embeds)
    if losses:
        total, _ = grounder.parse_losses(losses)
        total.backward()
    sizes = [len(passed.selection.mask) for passed in kept]
    for name in real:
        gradient = embeds[name].grad
        assert gradient is not None, f'the global losses look at {name}'
        for passed, part in zip(kept, gradient.split(sizes), strict=True):
            passed.gradients[name] = part
    return {name: value.detach() for name, value in losses.items()}


def _going_back(
    embeds: Mapping[str, Tensor],
    gradients: Mapping[str, Tensor],
    local: Mapping[str, Tensor],
    share: float,
) -> Tensor:
    """Return what has the cached gradients at the embeddings, plus the chunk's local losses."""
    terms = [(embeds[name] * gradient).sum() for name, gradient in gradients.items()]
    return torch.stack(terms + [share * value for value in local.values()]).sum()


def _checked(model: Any, optim_wrapper: OptimWrapper) -> SpatioTemporalGrounder:
    grounder = model.module if is_model_wrapper(model) else model
    if not isinstance(grounder, SpatioTemporalGrounder):
        raise TypeError(
            'chunk_clips needs a SpatioTemporalGrounder, whose batch can be embedded in parts, '
            f'but the model is a {type(grounder).__name__}; leave chunk_clips out'
        )
    counts = getattr(optim_wrapper, '_accumulative_counts', 1)
    if counts != 1:
        raise ValueError(
            f'chunk_clips and accumulative_counts={counts} both split a step; leave '
            'accumulative_counts out and make batch_size that much larger'
        )
    return grounder


def _cut(clips: int, chunk_clips: int) -> list[slice]:
    """Return slices of equal sizes but for the last."""
    return [slice(start, start + chunk_clips) for start in range(0, clips, chunk_clips)]


def _rows(data: Batch, rows: slice) -> Batch:
    inputs = {name: clips[rows] for name, clips in data['inputs'].items()}
    return {'inputs': inputs, 'data_samples': data['data_samples'][rows]}


@contextmanager
def _buffers_kept(model: nn.Module) -> Iterator[None]:
    before = [buffer.clone() for buffer in model.buffers()]
    try:
        yield
    finally:
        for buffer, value in zip(model.buffers(), before, strict=True):
            buffer.copy_(value)
