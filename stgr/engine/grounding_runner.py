"""MMEngine's Runner with its rough edges covered; each remedy lives in a module of its own."""

import itertools
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.dist import master_only
from mmengine.logging import MMLogger
from mmengine.model import is_model_wrapper
from mmengine.optim import OptimWrapper
from mmengine.runner import BaseLoop, Runner
from torch import nn
from torch.utils.data import DataLoader

from stgr.engine.agreement import check_loaders, check_parts
from stgr.engine.broken_videos_hook import BrokenVideosHook
from stgr.engine.crash_safe_checkpoint_hook import CrashSafeCheckpointHook
from stgr.engine.distributed import init_distributed, model_wrapper_config
from stgr.engine.epoch_seeds import EpochSeedHook
from stgr.engine.epoch_train_loop import EpochTrainLoop
from stgr.engine.evaluation_loops import EvaluationTestLoop, EvaluationValLoop
from stgr.engine.feature_origin import expect_features_of
from stgr.engine.fully_sharded_model import FullyShardedModel, check_sharded_training
from stgr.engine.iter_train_loop import IterTrainLoop
from stgr.engine.last_checkpoint import find_whole_checkpoint
from stgr.engine.lost_processes import losses_named
from stgr.engine.preemption_hook import PreemptionHook
from stgr.engine.progress_hook import ProgressHook
from stgr.engine.resumed_batches import batches_meta, go_on_after
from stgr.engine.safe_checkpoints import read_checkpoint
from stgr.engine.stop_on_nan_hook import StopOnNanHook
from stgr.engine.strict_loading import load_weights
from stgr.engine.train_steps import TrainSteps
from stgr.engine.trim_history_hook import TrimHistoryHook
from stgr.engine.whole_state_dicts import shard_optimizer_state, whole_state_dicts
from stgr.io.atomic import written_whole

_run_numbers = itertools.count(1)
_NOISE = (
    'FileClient',
    'HardDiskBackend',
    'has no metainfo',
    'Hooks will be executed',
    'Distributed training is not used',
    'Exp name:',
    'paramwise_options',
    'is skipped since its requires_grad=False',
)


class GroundingRunner(Runner):
    """A Runner that loads safely and strictly, resumes exactly, needs no GPU and says little.

    It adds default hooks: ``epoch_seed``, ``stop_on_nan``, ``trim_history``, ``progress``,
    ``preemption``, ``broken_videos``, and a ``checkpoint`` hook that keeps the last good file. A
    config replaces one under its name, or drops it with None. Its loops are ``EpochTrainLoop`` and
    ``IterTrainLoop``. Runs started within one second do not share MMEngine's global logs.
    """

    _load_from: str | None
    optim_wrapper: Any

    def __init__(self, *args: Any, experiment_name: str | None = None, **kwargs: Any) -> None:
        name = f'{experiment_name or "run"}_{os.getpid()}_{next(_run_numbers)}'
        super().__init__(*args, experiment_name=name, **kwargs)
        model = self.model.module if is_model_wrapper(self.model) else self.model
        if hasattr(model, 'backbone'):
            loaders = [self._train_dataloader, self._val_dataloader, self._test_dataloader]
            check_parts(model)
            check_loaders(model, loaders)
            expect_features_of(_origin(model.backbone), loaders)

    def setup_env(self, env_cfg: dict) -> None:
        """Join the process group before MMEngine tries to, which needs a GPU."""
        timeout_sec = env_cfg.get('dist_cfg', {}).get('timeout', 1800)
        init_distributed(self._launcher, timeout_sec=timeout_sec)
        super().setup_env(env_cfg)

    def build_train_loop(self, loop: BaseLoop | dict) -> BaseLoop:
        """Build our loops over epochs and iterations where MMEngine would build its own.

        Raises:
            ValueError: If there are fewer clips than one batch has, and ``drop_last``.
        """
        if isinstance(loop, dict) and 'type' not in loop and 'by_epoch' in loop:
            kind = EpochTrainLoop if loop['by_epoch'] else IterTrainLoop
            loop = {key: value for key, value in loop.items() if key != 'by_epoch'} | {'type': kind}
        built = super().build_train_loop(loop)
        _check_some_batch(built.dataloader)
        return built

    def build_val_loop(self, loop: BaseLoop | dict) -> BaseLoop:
        """Build our loop where MMEngine would build its own."""
        if isinstance(loop, dict) and 'type' not in loop:
            loop = {**loop, 'type': EvaluationValLoop}
        return super().build_val_loop(loop)

    def build_test_loop(self, loop: BaseLoop | dict) -> BaseLoop:
        """Build our loop where MMEngine would build its own."""
        if isinstance(loop, dict) and 'type' not in loop:
            loop = {**loop, 'type': EvaluationTestLoop}
        return super().build_test_loop(loop)

    def train(self) -> nn.Module:
        """Train; hooks may have ``on_train_exit(runner)``, called however it ends.

        Raises:
            ValueError: If the model is sharded and something does not go with that.
            LostProcessError: If another process of the job is gone.
            DataWorkerError: If data workers are killed again and again.
        """
        check_sharded_training(self.model, self.hooks)
        try:
            with losses_named(self.work_dir):
                return super().train()
        finally:
            self.call_hook('on_train_exit')

    def val(self) -> dict:
        """Validate; see ``train`` for processes that are lost."""
        with losses_named(self.work_dir):
            return super().val()

    def test(self) -> dict:
        """Test; see ``train`` for processes that are lost."""
        with losses_named(self.work_dir):
            return super().test()

    def wrap_model(self, model_wrapper_cfg: dict | None, model: nn.Module) -> nn.Module:
        """Wrap for several processes with ``device_ids`` only where there are GPUs."""
        if self.distributed and not is_model_wrapper(model):
            model_wrapper_cfg = model_wrapper_config(model_wrapper_cfg)
        return super().wrap_model(model_wrapper_cfg, model)

    def register_default_hooks(self, hooks: Mapping[str, Any] | None = None) -> None:
        """Register MMEngine's default hooks and ours, unless ``hooks`` says otherwise."""
        ours: dict[str, Any] = {
            'epoch_seed': {'type': EpochSeedHook},
            'stop_on_nan': {'type': StopOnNanHook},
            'trim_history': {'type': TrimHistoryHook},
            'progress': {'type': ProgressHook},
            'preemption': {'type': PreemptionHook},
            'broken_videos': {'type': BrokenVideosHook},
            'checkpoint': {'type': CrashSafeCheckpointHook, 'interval': 1},
        }
        wanted = {**ours, **(hooks or {})}
        dropped = [name for name in ours if wanted[name] is None and name != 'checkpoint']
        super().register_default_hooks({k: v for k, v in wanted.items() if k not in dropped})

    def load_checkpoint(
        self, filename: str, map_location: Any = 'cpu', strict: bool = True, revise_keys: Any = None
    ) -> dict:
        """Load a checkpoint's weights into the model, all or none, and return the checkpoint.

        Args:
            filename: A local file.
            map_location: Device of the tensors returned.
            strict: Must be True; MMEngine's default of False trains on with random weights.
            revise_keys: Must be None; a leading ``module.`` is removed from names anyway.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it is damaged, unsafe, or of another model (which names, is said).
        """
        if not strict or revise_keys is not None:
            raise ValueError('checkpoints are loaded strictly and under their own names')
        checkpoint = read_checkpoint(filename, map_location=map_location)
        self.call_hook('after_load_checkpoint', checkpoint=checkpoint)
        model = self.model.module if is_model_wrapper(self.model) else self.model
        load_weights(model, checkpoint['state_dict'], source=str(filename))
        if 'optimizer' in checkpoint and isinstance(self.optim_wrapper, OptimWrapper):
            shard_optimizer_state(checkpoint['optimizer'], self.optim_wrapper)
        self._has_loaded = True
        self._loaded_meta = checkpoint.get('meta', {})
        self.logger.info(f'loaded {filename}')
        return checkpoint

    def load_or_resume(self) -> None:
        """Find the last checkpoint to resume from, also in a work folder that was moved.

        Damaged ones are named and passed over.
        """
        if self._resume and self._load_from is None and not self._has_loaded:
            last, faults = find_whole_checkpoint(self.work_dir)
            for fault in faults:
                self.logger.warning(f'{fault}; the one before is used')
            if last is None:
                self.logger.info(f'nothing to resume in {self.work_dir}, starting anew')
                return
            self._load_from = str(last)
        super().load_or_resume()

    def resume(self, filename: str, *args: Any, **kwargs: Any) -> None:
        """Resume at the batch of the checkpoint, the sampler with the checkpoint's seed.

        Raises:
            ValueError: If the checkpoint is of the middle of an epoch of other batches.
        """
        self.optim_wrapper = self.build_optim_wrapper(self.optim_wrapper)
        super().resume(filename, *args, **kwargs)
        if isinstance(self.train_loop, TrainSteps):
            go_on_after(self._loaded_meta, self.train_loop, source=filename)
        sampler = getattr(self.train_dataloader, 'sampler', None)
        if sampler is not None and hasattr(sampler, 'seed'):
            sampler.seed = self.seed

    def save_checkpoint(
        self,
        out_dir: str,
        filename: str,
        *args: Any,
        meta: dict[str, Any] | None = None,
        by_epoch: bool = True,
        **kwargs: Any,
    ) -> None:
        """Save a checkpoint that is whole or not there; the file it replaces stays until then.

        All processes have to call it, as MMEngine's hook does: the first one writes what it gathers
        from them.

        Raises:
            OSError: If it cannot be written (a full disk); earlier checkpoints are untouched.
        """
        meta = dict(meta or {})
        if isinstance(self.train_loop, TrainSteps):
            meta |= batches_meta(self.train_loop, at_epoch_end=by_epoch)
        with whole_state_dicts(self.model, self.optim_wrapper):
            self._write_checkpoint(out_dir, filename, *args, meta=meta, by_epoch=by_epoch, **kwargs)

    @master_only
    def _write_checkpoint(self, out_dir: str, filename: str, *args: Any, **kwargs: Any) -> None:
        target = Path(out_dir) / filename
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with written_whole(target) as partial:
                super().save_checkpoint(out_dir, partial.name, *args, **kwargs)
        except OSError as error:
            raise OSError(
                error.errno,
                f'could not save {target} ({error.strerror}); earlier checkpoints are intact: '
                'make room and --resume',
            ) from error

    def _init_model_weights(self) -> None:
        """Initialise as MMEngine does, but for shards, which were initialised before the cut."""
        if not isinstance(self.model, FullyShardedModel):
            super()._init_model_weights()

    def build_logger(self, *args: Any, **kwargs: Any) -> MMLogger:
        """Build MMEngine's logger without the lines that say nothing to a user."""
        logger = super().build_logger(*args, **kwargs)
        for handler in logger.handlers:
            handler.addFilter(_says_something)
        return logger

    def get_hooks_info(self) -> str:
        """Return a count instead of a listing of 75 lines."""
        return f'{len(self.hooks)} hooks'

    def _log_env(self, env_cfg: dict) -> None:
        """Log nothing: the work folder holds the config, and MMEngine would print it all again."""


def _origin(backbone: Any) -> dict[str, object]:
    """Return what the features of a backbone are known by in feature files."""
    return {
        'backbone_sha256': backbone.fingerprint,
        'grid': tuple(backbone.grid),
        'image_size': backbone.image_size,
    }


def _check_some_batch(loader: DataLoader) -> None:
    """Refuse a loader that leaves all its clips out."""
    if len(loader) == 0 and loader.batch_size is not None:
        clips = len(loader.sampler)  # type: ignore[arg-type]
        raise ValueError(
            f'train_dataloader has {clips} clips a process, fewer than its batch_size of '
            f'{loader.batch_size}, and drop_last leaves out a batch that is not full: nothing to '
            f'train on; choose a batch_size of at most {clips}, or drop_last=False'
        )


def _says_something(record: logging.LogRecord) -> bool:
    return not any(noise in record.getMessage() for noise in _NOISE)
