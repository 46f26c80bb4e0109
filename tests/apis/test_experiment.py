"""A row is trained, calibrated and scored once; then its scores are taken from the file."""

import json
import shutil

import pytest
import torch

from stgr.apis import experiment as experiment_module
from stgr.apis.experiment import Experiment, control_rows, run_experiment
from stgr.apis.extract import extract_features
from stgr.apis.model_hub import load_config

DATA = """
from mmengine.dataset import DefaultSampler, pseudo_collate
from mmengine.optim import OptimWrapper
from torch.optim import SGD

from stgr.datasets import GroundingYouTube, HowTo100M
from stgr.datasets.transforms import LoadFeatures, PackClip, SampleClip
from stgr.engine import CalibrateThresholdsHook
from stgr.evaluation.metrics import GroundingMetric

_root = {root!r}
_load = [dict(type=LoadFeatures, store_dir=_root + '/store'), dict(type=PackClip)]
_loader = dict(num_workers=0, collate_fn=dict(type=pseudo_collate))
default_scope = None
feature_fps = 2.0
train_dataloader = dict(
    **_loader,
    batch_size=2,
    sampler=dict(type=DefaultSampler, shuffle=True),
    dataset=dict(
        type=HowTo100M,
        data_root=_root,
        captions='captions.json',
        pipeline=[dict(type=SampleClip, candidates=4, fps=2), *_load],
    ),
)
val_dataloader = dict(
    **_loader,
    batch_size=1,
    sampler=dict(type=DefaultSampler, shuffle=False),
    dataset=dict(type=GroundingYouTube, data_root=_root, segments=None, pipeline=_load),
)
test_dataloader = dict(**val_dataloader)
val_evaluator = dict(type=GroundingMetric, mask_threshold=0.5, normalisation='max')
test_evaluator = dict(**val_evaluator)
val_cfg = dict()
test_cfg = dict()
train_cfg = dict(by_epoch=True, max_epochs=1, val_interval=5)
optim_wrapper = dict(type=OptimWrapper, optimizer=dict(type=SGD, lr=0.1))
custom_hooks = [dict(type=CalibrateThresholdsHook)]
"""


@pytest.fixture(scope='module')
def config(tiny_model, tiny_video, tmp_path_factory):
    """Two videos, each narrated and each with one action in two of its three seconds."""
    root = tmp_path_factory.mktemp('kitchen')
    (root / 'videos').mkdir()
    boxes, captions = {}, {}
    for video_id, action, first in (('egg', 'crack an egg', 0), ('bread', 'slice the bread', 1)):
        shutil.copy(tiny_video, root / 'videos' / f'{video_id}.mp4')
        boxes[video_id] = [
            {'second': s, 'box': [4, 4, 40, 40], 'step_name': action} for s in (first, first + 1)
        ]
        captions[video_id] = {'start': [0.5], 'end': [2.5], 'text': [f'now {action}']}
    documents = {
        'box_anno': boxes,
        'captions': captions,
        'id2wh_new': {'egg': [64, 48], 'bread': [64, 48]},
    }
    for name, document in documents.items():
        (root / f'{name}.json').write_text(json.dumps(document))
    path = root / 'config.py'
    path.write_text(tiny_model[0].read_text() + DATA.format(root=str(root)))
    extract_features(path, device='cpu')
    return path


@pytest.fixture(scope='module')
def trained(config, tmp_path_factory):
    """The folder of a trained row and its scores."""
    work_dir = tmp_path_factory.mktemp('rows')
    return work_dir, run_experiment(Experiment('trained', str(config)), work_dir, seed=3)


def test_row_is_trained_calibrated_and_scored(trained):
    work_dir, scores = trained
    folder = work_dir / 'trained' / 'seed_3'

    assert json.loads((folder / 'scores.json').read_text()) == pytest.approx(scores, nan_ok=True)
    assert scores['grounding/num_videos'] == 2
    per_video = json.loads((folder / 'per_video.json').read_text())['videos']
    assert set(per_video['system']) == {'egg', 'bread'}
    state = torch.load(folder / 'epoch_1.pth', weights_only=False)['state_dict']
    assert -1 < float(state['pool_threshold']) <= 1  # -1 before it was calibrated


def test_scores_that_are_there_are_taken(trained, config, monkeypatch):
    work_dir, scores = trained
    monkeypatch.setattr(experiment_module, 'prepare_runner', None)

    again = run_experiment(Experiment('trained', str(config)), work_dir, seed=3)

    assert again == pytest.approx(scores, nan_ok=True)


def test_folder_of_another_run_is_refused_by_what_differs(trained, config):
    work_dir, _ = trained
    row = Experiment('trained', str(config))

    with pytest.raises(ValueError, match='holds a run with another overrides; choose another'):
        run_experiment(row, work_dir, seed=3, overrides=['model.local_head.dim=4'])


def test_edited_config_is_another_run(trained, config, tmp_path):
    work_dir, _ = trained
    edited = tmp_path / config.name
    edited.write_text(config.read_text().replace('lr=0.1', 'lr=0.2'))

    with pytest.raises(ValueError, match='another config_sha256;'):
        run_experiment(Experiment('trained', str(edited)), work_dir, seed=3)


def test_untrained_row_keeps_its_heads_and_is_calibrated_all_the_same(
    config, tmp_path, monkeypatch
):
    runners = []
    prepare = experiment_module.prepare_runner

    def remembering(*args, **kwargs):
        runners.append(prepare(*args, **kwargs))
        return runners[-1]

    monkeypatch.setattr(experiment_module, 'prepare_runner', remembering)
    row = Experiment('untrained', str(config), ('model.local_head.dim=4',), trained=False)
    scores = run_experiment(row, tmp_path, seed=0)

    model = runners[0].model
    assert model.local_head.dim == 4
    assert float(model.pool_threshold) > -1
    assert scores['grounding/num_videos'] == 2
    assert not list(tmp_path.rglob('*.pth'))


def test_stored_features_of_another_backbone_are_refused(config, tmp_path, monkeypatch):
    other = property(lambda self: 'f' * 64)
    monkeypatch.setattr('stgr.models.backbones.CLIPBackbone.fingerprint', other)

    with pytest.raises(ValueError, match='backbone_sha256'):
        run_experiment(Experiment('untrained', str(config), trained=False), tmp_path, seed=0)


def test_controls_are_the_permuted_and_the_untrained_model(config):
    permuted, untrained = control_rows(str(config))

    overrides = [text.replace('{seed}', '3') for text in permuted.overrides]
    loaded = load_config(config, overrides=overrides)
    assert loaded.train_dataloader.dataset.permute_narrations == 3
    assert (permuted.trained, untrained.trained) == (True, False)
