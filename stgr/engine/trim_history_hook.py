"""Keep MMEngine's logs of scalars short."""

from typing import Any

from mmengine.hooks import Hook

from stgr.registry import HOOKS


@HOOKS.register_module()
class TrimHistoryHook(Hook):
    """Cap the history of each logged scalar.

    MMEngine keeps a million values per scalar, copies them all in every iteration (3.4 ms at
    500,000) and writes them into every checkpoint. Smoothing windows longer than the cap see the
    cap.

    Args:
        max_length: Values kept per scalar.
    """

    priority = 'VERY_LOW'

    def __init__(self, max_length: int = 10_000) -> None:
        if max_length < 1:
            raise ValueError(f'max_length={max_length} must be at least 1')
        self.max_length = max_length

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Cap the buffers, also those that appeared in this iteration or came from a checkpoint."""
        for buffer in runner.message_hub.log_scalars.values():
            buffer.max_length = self.max_length
