"""What the data sets share: a pipeline of transforms and randomness that survives workers."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from stgr.registry import TRANSFORMS

Transform = Callable[[dict[str, Any]], dict[str, Any] | None]


class PipelineDataset:
    """A map-style torch data set whose items run through transforms.

    Randomness comes from ``(seed, epoch, index)`` alone, so an item does not depend on the number
    of workers, on what was loaded before it or on whether the run was resumed. The training loop
    must call ``set_epoch``; workers, also persistent ones, see the new epoch.

    It does not inherit from ``torch.utils.data.Dataset``, which adds nothing to a map-style data
    set, so that importing ``stgr.datasets`` needs no torch.

    Args:
        pipeline: Transforms, or configs of transforms, applied one after the other.
        seed: First part of the seed of each item.
        test_mode: Items have no ``rng``: every transform takes its deterministic way.
    """

    def __init__(
        self, pipeline: Sequence[dict | Transform] = (), *, seed: int = 0, test_mode: bool = False
    ) -> None:
        import torch

        self.pipeline: list[Transform] = [
            TRANSFORMS.build(step) if isinstance(step, dict) else step for step in pipeline
        ]
        self.seed = seed
        self.test_mode = test_mode
        # Shared memory: persistent workers hold copies of this object, but see this number change.
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()

    @property
    def epoch(self) -> int:
        """Number of the epoch, from 0."""
        return int(self._epoch)

    def set_epoch(self, epoch: int) -> None:
        """Tell which epoch begins, so that its items differ from those of the last one."""
        self._epoch.fill_(epoch)

    def rng(self, index: int) -> np.random.Generator | None:
        """Return the randomness of one item in this epoch, None in test mode."""
        if self.test_mode:
            return None
        return np.random.default_rng((self.seed, self.epoch, index))

    def run_pipeline(
        self, item: dict[str, Any], rng: np.random.Generator | None
    ) -> dict[str, Any] | None:
        """Return the item after all transforms, None if one of them could not use it."""
        results: dict[str, Any] | None = item if rng is None else {**item, 'rng': rng}
        for transform in self.pipeline:
            results = transform(results)  # type: ignore[arg-type]
            if results is None:
                return None
        return results
