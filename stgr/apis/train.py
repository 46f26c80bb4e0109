"""Training and testing what a config describes."""

import copy
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stgr.apis.model_hub import load_config

if TYPE_CHECKING:
    from mmengine.config import Config

    from stgr.engine import GroundingRunner

AUTO = 'auto'
# By name: a class could not be dumped with the config.
WRAPPERS = {'bf16': 'stgr.Bf16OptimWrapper', 'fp16': 'stgr.Fp16OptimWrapper'}


def train_model(
    config: str | Path,
    *,
    work_dir: str | Path | None = None,
    resume: str | Path | None = None,
    amp: str | None = None,
    overrides: Iterable[str] = (),
    launcher: str = 'none',
    seed: int | None = None,
) -> 'GroundingRunner':
    """Train the model of a config and return the runner that holds it.

    Args:
        config: A config file or a model's name.
        work_dir: Folder of checkpoints and logs; None for the config's own, else
            ``work_dirs/<config's name>``.
        resume: ``'auto'`` for the last checkpoint of ``work_dir`` (the config's own start if it
            holds none), or a checkpoint file; None to start from the beginning.
        amp: Run forward passes in 'bf16' (bfloat16) or 'fp16' (float16 with a loss scaler, for
            GPUs without bfloat16); None: in float32.
        overrides: ``key=value`` changes of the config.
        launcher: 'none', 'pytorch', 'slurm' or 'mpi'.
        seed: Seed of all random numbers; None for the config's own, else 0.

    Raises:
        FileNotFoundError: If the config or the checkpoint does not exist.
        ValueError: If a name, an override or a checkpoint is wrong.
        KeyError: If an override's key is not in the config.
        FloatingPointError: If a loss is not finite.
    """
    runner = prepare_runner(
        config,
        work_dir=work_dir,
        resume=resume,
        amp=amp,
        overrides=overrides,
        launcher=launcher,
        seed=seed,
    )
    runner.train()
    return runner


def prepare_runner(
    config: 'str | Path | Config',
    *,
    work_dir: str | Path | None = None,
    resume: str | Path | None = None,
    amp: str | None = None,
    overrides: Iterable[str] = (),
    launcher: str = 'none',
    seed: int | None = None,
    per_video_path: Path | None = None,
) -> 'GroundingRunner':
    """Return the runner of a config, not started.

    Arguments and errors are those of :func:`train_model`; a config may also be one that is loaded,
    which is not changed. ``per_video_path`` is where the test metric writes every video's own
    scores, None for nowhere.
    """
    cfg, name = _loaded(config, overrides)
    _set_run(cfg, name=name, work_dir=work_dir, launcher=launcher, seed=seed)
    if per_video_path is not None:
        cfg.test_evaluator.per_video_path = str(per_video_path)
    if amp is not None:
        _use_half_precision(cfg, amp)
    if resume is not None:
        _set_resume(cfg, resume)
    return _build_runner(cfg)


def _loaded(config: 'str | Path | Config', overrides: Iterable[str]) -> 'tuple[Config, str]':
    """Return a config with overrides, and what its run is called."""
    from mmengine.config import Config

    from stgr.engine import apply_overrides

    if not isinstance(config, Config):
        return load_config(config, overrides=overrides), Path(config).stem
    cfg = copy.deepcopy(config)
    apply_overrides(cfg, overrides)
    return cfg, 'run'


def _set_resume(cfg: 'Config', resume: str | Path) -> None:
    """Resume from a file, or from the last checkpoint; before the first, from initial weights."""
    from stgr.engine import find_last_checkpoint

    anew = str(resume) == AUTO and find_last_checkpoint(cfg.work_dir) is None
    if anew and cfg.get('load_from'):
        cfg.resume = False
        return
    cfg.resume = True
    cfg.load_from = None if str(resume) == AUTO else str(resume)


def evaluate_checkpoint(
    config: str | Path,
    checkpoint: str | Path | None,
    *,
    work_dir: str | Path | None = None,
    overrides: Iterable[str] = (),
    launcher: str = 'none',
    untrained: bool = False,
) -> dict[str, float]:
    """Return the metrics of a checkpoint on the test set of a config.

    Args:
        config: A config file or a model's name.
        checkpoint: The weights; None for a model that has nothing to learn.
        work_dir: Folder of logs; None as in :func:`train_model`.
        overrides: ``key=value`` changes of the config.
        launcher: 'none', 'pytorch', 'slurm' or 'mpi'.
        untrained: Test a model that could learn as it is built: a control, or one whose parts come
            with weights of their own, such as MIL-NCE. Otherwise the scores of random weights would
            look like results.

    Raises:
        FileNotFoundError: If the config or the checkpoint does not exist.
        ValueError: If the checkpoint is damaged or of another model, or is missing or superfluous,
            or the config has no test set.
    """
    if checkpoint is not None and not Path(checkpoint).is_file():
        raise FileNotFoundError(
            f'no checkpoint {checkpoint}; train one with tools/train.py {config}'
        )
    if checkpoint is not None and untrained:
        raise ValueError(f'either the checkpoint {checkpoint} or untrained, not both')
    cfg = load_config(config, overrides=overrides)
    if cfg.get('test_dataloader') is None:
        raise ValueError(f'{config} describes no test set (test_dataloader)')
    _set_run(cfg, name=Path(config).stem, work_dir=work_dir, launcher=launcher, seed=None)
    cfg.load_from = None if checkpoint is None else str(checkpoint)
    cfg.resume = False
    runner = _build_runner(cfg)
    model = getattr(runner.model, 'module', runner.model)  # inside DistributedDataParallel
    if checkpoint is None and getattr(model, 'learns', True) and not untrained:
        raise ValueError(
            f'{config} has something to learn, but no checkpoint was given; give one, or say '
            'that it is to be tested untrained (--untrained)'
        )
    metrics: dict[str, float] = runner.test()
    return metrics


def _set_run(
    cfg: 'Config', *, name: str, work_dir: str | Path | None, launcher: str, seed: int | None
) -> None:
    cfg.work_dir = str(work_dir or cfg.get('work_dir') or Path('work_dirs') / name)
    cfg.launcher = launcher
    cfg.setdefault('default_scope', None)  # parts are named by class, or as 'stgr.Name'
    randomness: dict[str, Any] = dict(cfg.get('randomness') or {})
    if seed is not None or randomness.get('seed') is None:
        randomness['seed'] = seed or 0
    cfg.randomness = randomness
    dataset = (cfg.get('train_dataloader') or {}).get('dataset') or {}
    if _is_narrated(dataset.get('type')):
        dataset.setdefault('seed', randomness['seed'])


def _is_narrated(kind: Any) -> bool:
    """Return whether a dataset's random choices follow the run's seed."""
    from stgr.datasets import HowTo100M

    if isinstance(kind, str):
        return kind.rpartition('.')[2] == HowTo100M.__name__
    return isinstance(kind, type) and issubclass(kind, HowTo100M)


def _use_half_precision(cfg: 'Config', amp: str) -> None:
    if amp not in WRAPPERS:
        raise ValueError(f'amp must be {" or ".join(WRAPPERS)}, but is {amp!r}')
    wrapper = cfg.get('optim_wrapper')
    if wrapper is None:
        raise ValueError('--amp needs an optim_wrapper in the config')
    wrapper['type'] = WRAPPERS[amp]


def _build_runner(cfg: 'Config') -> 'GroundingRunner':
    from stgr.engine import GroundingRunner

    runner: GroundingRunner = GroundingRunner.from_cfg(cfg)
    return runner
