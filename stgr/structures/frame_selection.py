"""The frames of each clip that a selector kept."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class FrameSelection:
    """Which candidate frames of each clip were kept, in temporal order.

    The real slots of a clip come first and are strictly ascending, thus unique. A clip with fewer
    real frames than slots fills the rest with its last kept frame and mask False, so that every
    index can be gathered and none points to padding (0 for a clip without a real frame).

    Args:
        indices: Candidate frame of each slot, (B, T) int64, >= 0.
        mask: True where a slot holds a frame, (B, T) bool, True before False.
        weights: Score by which the frame was kept, larger is better, (B, T) float; 1 from selectors
            that do not score, 0 where ``mask`` is False.

    Raises:
        ValueError: If shapes, dtypes or the order are wrong.
    """

    indices: Tensor
    mask: Tensor
    weights: Tensor

    def __post_init__(self) -> None:
        self._check_types()
        later, earlier = self.indices[:, 1:], self.indices[:, :-1]
        in_order = torch.where(self.mask[:, 1:], later > earlier, later == earlier)
        real_first = self.mask[:, :-1] | ~self.mask[:, 1:]
        if not bool(in_order.all() & real_first.all() & (self.indices >= 0).all()):
            raise ValueError(
                'indices must be >= 0 and ascend strictly over the real slots, which come first; '
                f'then the last one repeats; but got {self.indices.tolist()} '
                f'with mask {self.mask.tolist()}'
            )

    def _check_types(self) -> None:
        shapes = {name: tuple(getattr(self, name).shape) for name in ('indices', 'mask', 'weights')}
        if self.indices.dim() != 2 or len(set(shapes.values())) > 1:
            raise ValueError(f'indices, mask and weights must all be (B, T), but got {shapes}')
        if self.indices.dtype != torch.int64 or self.mask.dtype != torch.bool:
            raise ValueError(
                'indices must be int64 and mask bool, but got '
                f'{self.indices.dtype} and {self.mask.dtype}'
            )

    def take(self, values: Tensor) -> Tensor:
        """Return what belongs to the kept frames.

        Args:
            values: Something of each candidate frame, (B, U, ...).

        Returns:
            The same of each slot, (B, T, ...), with gradient to ``values``. Slots with mask False
            hold a copy of the last kept frame.
        """
        clips = torch.arange(len(self.indices), device=self.indices.device)
        return values[clips[:, None], self.indices]
