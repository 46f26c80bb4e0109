"""Progress bars with the time left, on a terminal and nowhere else."""

import sys
from contextlib import ExitStack
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from stgr.registry import HOOKS


@HOOKS.register_module()
class ProgressHook(Hook):
    """Show a bar over the whole training and one over each evaluation.

    Bars go to standard error when that is a terminal; a log file or a pipe sees only the log lines.
    Log lines are printed above the bar instead of through it.
    """

    priority = 'LOW'

    def __init__(self) -> None:
        self._train_bar: tqdm | None = None
        self._eval_bar: tqdm | None = None
        self._open = ExitStack()

    def before_train(self, runner: Any) -> None:
        """Open the training bar where the run (or its resumption) stands."""
        if _has_terminal():
            self._open.enter_context(logging_redirect_tqdm([runner.logger]))
            self._train_bar = self._bar('train', runner.max_iters, start=runner.iter)
            self._open.callback(self._train_bar.close)

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Advance by a batch and show its loss."""
        if self._train_bar is not None:
            if outputs and 'loss' in outputs:
                loss = float(outputs['loss'].detach())
                self._train_bar.set_postfix(loss=f'{loss:.4g}', refresh=False)
            self._train_bar.update()

    def after_train(self, runner: Any) -> None:
        """Close the bars and give the logger its streams back."""
        self._open.close()
        self._train_bar = None

    def before_val_epoch(self, runner: Any) -> None:
        """Open a bar over the validation set."""
        self._start_evaluation('validate', len(runner.val_dataloader))

    def before_test_epoch(self, runner: Any) -> None:
        """Open a bar over the test set."""
        self._start_evaluation('test', len(runner.test_dataloader))

    def after_val_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Advance by a batch."""
        if self._eval_bar is not None:
            self._eval_bar.update()

    after_test_iter = after_val_iter

    def after_val_epoch(self, runner: Any, metrics: dict | None = None) -> None:
        """Close the evaluation bar."""
        if self._eval_bar is not None:
            self._eval_bar.close()
            self._eval_bar = None

    after_test_epoch = after_val_epoch

    def _start_evaluation(self, name: str, batches: int) -> None:
        if _has_terminal():
            self._eval_bar = self._bar(name, batches)

    def _bar(self, name: str, batches: int, *, start: int = 0) -> tqdm:
        return tqdm(
            total=batches, initial=start, desc=name, unit='batch', dynamic_ncols=True, leave=False
        )


def _has_terminal() -> bool:
    return is_main_process() and sys.stderr.isatty()
