"""Train and score one row of a comparison, or take the scores that are there already."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from stgr.apis.train import prepare_runner
from stgr.io.atomic import write_atomically


@dataclass(frozen=True)
class Experiment:
    """One row of a comparison.

    Args:
        name: What the row is called; also its folder.
        config: Model name or config path.
        overrides: ``key=value`` changes of the config; ``{seed}`` is the run's seed.
        trained: False for a model that is scored as it is made: an untrained control, or one that
            has nothing to train. Its thresholds are calibrated all the same.
    """

    name: str
    config: str
    overrides: tuple[str, ...] = ()
    trained: bool = True


def run_experiment(
    experiment: Experiment, work_dir: str | Path, *, seed: int, overrides: Iterable[str] = ()
) -> dict[str, float]:
    """Return the test scores of one row and seed.

    They are kept as ``scores.json`` in ``work_dir/NAME/seed_S``, with every video's own scores in
    ``per_video.json``; if they are there, nothing is run. An interrupted run goes on. What the run
    was started with stays beside them in ``experiment.json``.

    Args:
        experiment: The row.
        work_dir: Folder of all rows.
        seed: Seed of everything random in the run.
        overrides: Further changes of the config, for all rows.

    Raises:
        ValueError: If the folder holds a run of another config or of other overrides.
    """
    folder = Path(work_dir) / experiment.name / f'seed_{seed}'
    overrides = [text.replace('{seed}', str(seed)) for text in [*experiment.overrides, *overrides]]
    _claim(folder, experiment, overrides)
    scores_file = folder / 'scores.json'
    if scores_file.exists():
        scores: dict[str, float] = json.loads(scores_file.read_text())
        return scores
    runner = prepare_runner(
        experiment.config,
        work_dir=folder,
        resume='auto' if experiment.trained else None,
        overrides=overrides,
        seed=seed,
        per_video_path=folder / 'per_video.json',
    )
    if experiment.trained:
        runner.train()
    else:
        from stgr.engine.calibrate_thresholds_hook import calibrate

        videos = runner.val_loop.dataloader.dataset
        calibrate(runner.model, (videos[i] for i in range(len(videos))))
    scores = {key: float(value) for key, value in runner.test().items()}
    write_atomically(scores_file, json.dumps(scores, indent=1).encode())
    return scores


def _claim(folder: Path, experiment: Experiment, overrides: list[str]) -> None:
    """Mark a folder as this run's; refuse one that holds another run."""
    from stgr.apis.model_hub import load_config
    from stgr.registry import MODELS

    config = load_config(experiment.config)
    settings = {
        'config': Path(experiment.config).stem,
        'config_sha256': hashlib.sha256(config.pretty_text.encode()).hexdigest(),
        'backbone_sha256': MODELS.build(config.model.backbone).fingerprint,
        'overrides': overrides,
        'trained': experiment.trained,
    }
    marker = folder / 'experiment.json'
    if marker.exists() and (found := json.loads(marker.read_text())) != settings:
        changed = ', '.join(key for key in settings if found.get(key) != settings[key])
        raise ValueError(
            f'{folder} holds a run with another {changed}; choose another work folder, or delete '
            f'this one to run it anew'
        )
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(marker, json.dumps(settings, indent=1).encode())


def row_of(config: str) -> Experiment:
    """Return the row of a config; it is trained if the config says how."""
    from stgr.apis.model_hub import load_config

    return Experiment(Path(config).stem, config, trained='train_cfg' in load_config(config))


def control_rows(config: str) -> list[Experiment]:
    """Return the controls of a config: nothing learned, and nothing to learn from.

    The permuted control trains on the same videos and the same sentences, but every clip has the
    narration of another video.
    """
    permute = '+train_dataloader.dataset.permute_narrations={seed}'
    return [
        Experiment('permuted', config, (permute,)),
        Experiment('untrained', config, trained=False),
    ]
