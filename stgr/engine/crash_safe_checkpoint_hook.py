"""A checkpoint hook that never leaves a run without its last good checkpoint."""

from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process, master_only
from mmengine.hooks import CheckpointHook

from stgr.engine.last_checkpoint import point_to
from stgr.engine.safe_checkpoints import mmengine_globals_allowed
from stgr.io.atomic import remove_partial_files
from stgr.registry import HOOKS


@HOOKS.register_module()
class CrashSafeCheckpointHook(CheckpointHook):
    """MMEngine's ``CheckpointHook`` in another order: save, point to it, only then remove old ones.

    The original removes the outdated checkpoint first and rewrites ``last_checkpoint`` in place, so
    a full disk or a kill in between loses the run. The file itself is written whole by
    :class:`stgr.engine.GroundingRunner`. All options are those of ``CheckpointHook``.
    """

    def before_train(self, runner: Any) -> None:
        """Set up as MMEngine does and clear away what a killed run left half-written."""
        super().before_train(runner)
        if is_main_process() and Path(self.out_dir).is_dir():
            remove_partial_files(self.out_dir)

    def _save_checkpoint_with_step(self, runner: Any, step: int, meta: dict) -> None:
        outdated = self._keep(runner, step)
        filename = self.filename_tmpl.format(step)
        self.last_ckpt = str(Path(self.out_dir) / filename)
        runner.message_hub.update_info('last_ckpt', self.last_ckpt)
        runner.save_checkpoint(
            self.out_dir,
            filename,
            save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler,
            meta=meta,
            by_epoch=self.by_epoch,
            backend_args=self.backend_args,
            **self.args,
        )
        if is_main_process():
            point_to(self.last_ckpt, runner.work_dir)
            if outdated is not None:
                (Path(self.out_dir) / self.filename_tmpl.format(outdated)).unlink(missing_ok=True)

    def _keep(self, runner: Any, step: int) -> int | None:
        """Note ``step`` among the checkpoints kept; return the one it pushes out, if any."""
        if self.max_keep_ckpts <= 0 or step in self.keep_ckpt_ids:
            return None
        full = len(self.keep_ckpt_ids) == self.max_keep_ckpts
        outdated = self.keep_ckpt_ids.popleft() if full else None
        self.keep_ckpt_ids.append(step)
        runner.message_hub.update_info('keep_ckpt_ids', list(self.keep_ckpt_ids))
        return outdated

    @master_only
    def _publish_model(self, runner: Any, ckpt_path: str) -> None:
        with mmengine_globals_allowed():
            super()._publish_model(runner, ckpt_path)
