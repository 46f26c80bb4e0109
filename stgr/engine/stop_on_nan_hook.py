"""Stop at the first loss that is not a number, and say on which clips."""

import math
from collections.abc import Mapping
from typing import Any

from mmengine.hooks import Hook
from torch import Tensor

from stgr.registry import HOOKS


@HOOKS.register_module()
class StopOnNanHook(Hook):
    """Raise when a training loss is NaN or infinite; MMEngine would train on.

    The checkpoints written so far stay as they are, so the run can be resumed with another setting.
    """

    priority = 'VERY_HIGH'

    def after_train_iter(
        self,
        runner: Any,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Mapping[str, Any] | None = None,
    ) -> None:
        """Check the losses of one iteration.

        Raises:
            FloatingPointError: Names the losses, the iteration and the clips of the batch.
        """
        losses = {name: _number(value) for name, value in (outputs or {}).items()}
        bad = {name: value for name, value in losses.items() if not math.isfinite(value)}
        if bad:
            values = ', '.join(f'{name}={value}' for name, value in bad.items())
            raise FloatingPointError(
                f'{values} at epoch {runner.epoch + 1}, batch {batch_idx}, clips '
                f'{", ".join(clip_names(data_batch)) or "unknown"}; lower the learning rate or '
                f'look at these clips, then --resume the last checkpoint in {runner.work_dir}'
            )


def clip_names(data_batch: Any) -> list[str]:
    """Return ``video_id@start_sec`` of each clip of a collated batch, as far as it is known."""
    samples = data_batch.get('data_samples') if isinstance(data_batch, Mapping) else None
    return [_clip_name(sample) for sample in samples or []]


def _number(value: Any) -> float:
    return float(value.detach() if isinstance(value, Tensor) else value)


def _clip_name(sample: Any) -> str:
    video_id = _field(sample, 'video_id')
    start_sec = _field(sample, 'start_sec')
    return f'{video_id}' if start_sec is None else f'{video_id}@{float(start_sec):g}s'


def _field(sample: Any, name: str) -> Any:
    return sample.get(name) if isinstance(sample, Mapping) else getattr(sample, name, None)
