"""Calibrate answers as the last step of training."""

from pathlib import Path
from typing import TYPE_CHECKING

from mmengine.dist import is_main_process
from mmengine.hooks import Hook

from stgr.apis.calibration.calibrate import CalibrationJob, annotated_videos, calibrate_model
from stgr.engine import find_last_checkpoint
from stgr.registry import HOOKS

if TYPE_CHECKING:
    from stgr.engine import GroundingRunner


@HOOKS.register_module()
class CalibrateAnswersHook(Hook):
    """Fits the probabilities of the last checkpoint on the validation videos, after training.

    What ``stgr calibrate CONFIG --weights CHECKPOINT`` does: the file lies beside the checkpoint,
    where ``stgr ground`` looks for it. Everything is chosen on validation videos, each left out in
    turn; test videos are not looked at. One process does it. If nothing can be fitted, the log says
    why; the trained model is there all the same.

    Args:
        rate_fps: Evaluated frames per second that it holds for; None for the config's
            ``ground_fps``, or 2.
        decode: Decode the videos even if the config reads stored features, which may have another
            rate.
    """

    priority = 'LOWEST'  # after the last checkpoint

    def __init__(self, *, rate_fps: float | None = None, decode: bool = False) -> None:
        self.rate_fps = rate_fps
        self.decode = decode

    def before_train(self, runner: 'GroundingRunner') -> None:
        """Refuse a config whose validation videos will not do, before hours of training.

        Raises:
            ValueError: See ``annotated_videos``.
        """
        annotated_videos(runner.cfg, 'val_dataloader')

    def after_train(self, runner: 'GroundingRunner') -> None:
        """Calibrate the last checkpoint."""
        if not is_main_process():
            return
        weights = find_last_checkpoint(runner.work_dir)
        if weights is None:
            runner.logger.warning('answers are not calibrated: no checkpoint was saved')
            return
        job = CalibrationJob(
            model=Path(runner.cfg.filename or runner.experiment_name).stem,
            weights=weights,
            rate_fps=self.rate_fps,
            decode=self.decode,
        )
        try:
            calibrate_model(job, config=runner.cfg, say=runner.logger.info)
        except (ValueError, FileNotFoundError) as error:
            runner.logger.warning(f'answers are not calibrated: {error}')
