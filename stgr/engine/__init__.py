"""What trains and tests a model: MMEngine's Runner, and one small module per rough edge of it."""

from stgr.engine.agreement import check_loaders, check_parts
from stgr.engine.bf16_optim_wrapper import Bf16OptimWrapper
from stgr.engine.broken_videos_hook import BrokenVideosHook
from stgr.engine.cached_gradients import cached_gradient_step
from stgr.engine.calibrate_thresholds_hook import CalibrateThresholdsHook
from stgr.engine.config_overrides import apply_overrides
from stgr.engine.crash_safe_checkpoint_hook import CrashSafeCheckpointHook
from stgr.engine.distributed import init_distributed
from stgr.engine.epoch_seeds import EpochSeedHook, epoch_seed, seed_everything
from stgr.engine.epoch_train_loop import EpochTrainLoop
from stgr.engine.fp16_optim_wrapper import Fp16OptimWrapper
from stgr.engine.fully_sharded_model import FullyShardedModel, whole_weights
from stgr.engine.grounding_runner import GroundingRunner
from stgr.engine.heat_map_panel_hook import HeatMapPanelHook
from stgr.engine.iter_train_loop import IterTrainLoop
from stgr.engine.last_checkpoint import find_last_checkpoint
from stgr.engine.layer_decay_constructor import LayerDecayOptimWrapperConstructor
from stgr.engine.lost_processes import LostProcessError
from stgr.engine.preemption_hook import Preempted, PreemptionHook
from stgr.engine.progress_hook import ProgressHook
from stgr.engine.safe_checkpoints import read_checkpoint
from stgr.engine.stop_on_nan_hook import StopOnNanHook
from stgr.engine.strict_loading import load_weights
from stgr.engine.trim_history_hook import TrimHistoryHook
from stgr.engine.worker_batches import DataWorkerError

__all__ = [
    'Bf16OptimWrapper',
    'BrokenVideosHook',
    'CalibrateThresholdsHook',
    'CrashSafeCheckpointHook',
    'DataWorkerError',
    'EpochSeedHook',
    'EpochTrainLoop',
    'Fp16OptimWrapper',
    'FullyShardedModel',
    'GroundingRunner',
    'HeatMapPanelHook',
    'IterTrainLoop',
    'LayerDecayOptimWrapperConstructor',
    'LostProcessError',
    'Preempted',
    'PreemptionHook',
    'ProgressHook',
    'StopOnNanHook',
    'TrimHistoryHook',
    'apply_overrides',
    'cached_gradient_step',
    'check_loaders',
    'check_parts',
    'epoch_seed',
    'find_last_checkpoint',
    'init_distributed',
    'load_weights',
    'read_checkpoint',
    'seed_everything',
    'whole_weights',
]
