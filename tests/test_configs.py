"""Every config loads, and the models of the paper are built from theirs."""

import pytest
import torch
from mmengine.optim import build_optim_wrapper

from stgr.apis.model_hub import configs_dir, list_models, load_config
from stgr.datasets.transforms import LoadFeatures, LoadVideoFrames
from stgr.engine import check_parts
from stgr.registry import DATASETS, METRICS, MODELS

NAMES = [entry.name for entry in list_models()]
BASES = sorted(file.name for file in (configs_dir() / '_base_').glob('*.py'))
OURS = [name for name in NAMES if name.startswith('ours')]
S3D = [name for name in NAMES if 's3d' in name]
BENCHMARKS = [name for name in NAMES if name.startswith('eval/')]
ON_CLIP = [name for name in OURS if name not in S3D and 'timm' not in name]


@pytest.mark.parametrize('name', NAMES)
def test_config_loads_and_describes_a_model(name):
    config = load_config(name)

    assert 'type' in config.model
    assert config.default_scope is None
    assert config.resume is False


@pytest.mark.parametrize('name', NAMES)
def test_config_names_no_place_of_a_machine(name):
    text = load_config(name).pretty_text

    assert "'/" not in text
    assert '~' not in text


@pytest.mark.parametrize('base', BASES)
def test_base_loads_alone(base):
    load_config(configs_dir() / '_base_' / base)


@pytest.mark.parametrize('name', BENCHMARKS)
def test_benchmark_and_its_metric_are_built_without_the_files(name):
    config = load_config(name)

    DATASETS.build(config.test_dataloader.dataset)
    evaluators = config.test_evaluator
    for metric in evaluators if isinstance(evaluators, list) else [evaluators]:
        METRICS.build(metric)

    assert config.test_dataloader.dataset != config.val_dataloader.dataset


@pytest.mark.parametrize('name', ON_CLIP)
def test_grounder_is_built_on_any_clip(name, tiny_clip_dir):
    source = f'model.backbone.source={tiny_clip_dir}'
    widths = ['model.global_head.dim=32', 'model.local_head.dim=32']
    config = load_config(name, overrides=[source, *widths])

    grounder = MODELS.build(config.model)

    assert grounder.backbone.grid == (4, 4)
    assert grounder.local_head.video_proj.in_features == grounder.backbone.video_dim == 32
    assert grounder.global_head.video_proj.out_features == config.model.global_head.dim
    assert grounder.selector.count == config.model.selector.count


def test_grounder_is_built_on_a_model_of_timm(tiny_clip_dir):
    pytest.importorskip('timm')
    source = f'model.backbone.text_source={tiny_clip_dir}'
    config = load_config('ours_timm', overrides=[source])
    config.model.backbone.update(checkpoint=None, frozen={'vision': False})
    config.model.backbone.model_args = {'img_size': 64, 'embed_dim': 48, 'depth': 1, 'num_heads': 2}

    grounder = MODELS.build(config.model)

    assert grounder.backbone.grid == (2, 2)
    assert grounder.local_head.video_proj.in_features == 48
    assert grounder.local_head.text_proj.in_features == 32


@pytest.mark.parametrize(
    'name', ['ours_clip_finetune', 'ours_clip_finetune_fsdp', 'ours_tiny_finetune']
)
def test_fine_tuned_encoder_learns_from_pixels_at_a_lower_rate(name, tiny_clip_dir):
    source = f'model.backbone.source={tiny_clip_dir}'
    widths = ['model.global_head.dim=32', 'model.local_head.dim=32']
    config = load_config(name, overrides=[source, *widths])
    grounder = MODELS.build(config.model)
    groups = build_optim_wrapper(grounder, config.optim_wrapper).optimizer.param_groups
    rates = {id(p): group['lr'] for group in groups for p in group['params']}
    rate = {n: rates[id(p)] for n, p in grounder.named_parameters() if id(p) in rates}

    vision = 'backbone.clip.vision_model'
    assert grounder.backbone.video_learns
    assert rate[f'{vision}.post_layernorm.weight'] < rate['global_head.video_proj.weight'] / 5
    assert rate[f'{vision}.pre_layrnorm.weight'] <= rate[f'{vision}.post_layernorm.weight']
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        steps = [step.type for step in config[loader].dataset.pipeline]
        assert LoadVideoFrames in steps
        assert LoadFeatures not in steps


@pytest.mark.parametrize('name', S3D)
def test_grounder_is_built_on_any_s3d_and_takes_a_step(name, tiny_s3d):
    config = load_config(name)
    config.model.backbone.update(tiny_s3d)
    config.model.global_head.update(dim=8, weights=tiny_s3d['weights'])
    candidates = config.train_dataloader.dataset.pipeline[0].candidates
    clips = {
        'frames': torch.rand(2, candidates, 3, 64, 64),
        'frame_mask': torch.ones(2, candidates, dtype=torch.bool),
    }

    grounder = MODELS.build(config.model)
    token_ids, token_mask = grounder.backbone.tokenize(['crack an egg', 'flip it over'])
    losses = grounder.loss(clips | {'token_ids': token_ids, 'token_mask': token_mask})

    assert candidates % grounder.backbone.frames_per_step == 0
    assert grounder.backbone.frozen
    assert set(losses) == {'loss_global', 'loss_local'} - (
        set() if grounder.local_head else {'loss_local'}
    )
    assert all(loss.isfinite() for loss in losses.values())


def test_s3d_numbers_are_those_of_the_paper_and_the_authors_code():
    config, selected = load_config('ours_s3d'), load_config('ablations/s3d_selected_steps')
    windows = [c.train_dataloader.dataset.pipeline[0] for c in (config, selected)]

    assert [(window.candidates, window.fps) for window in windows] == [(16, 5), (80, 5)]
    assert config.train_dataloader.batch_size == 96
    assert 8 * selected.model.selector.count == 16
    assert load_config('ours_clip').train_dataloader.dataset.pipeline[0].candidates == 80


@pytest.mark.parametrize('name', [n for n in NAMES if 'tiny' in n and n != 'clip_tiny'])
def test_every_tiny_config_is_built_and_fits_its_parts(name):
    grounder = MODELS.build(load_config(name).model)

    check_parts(grounder)


def test_paper_numbers_stand_in_the_paper_config():
    config = load_config('ours_clip')
    window = config.train_dataloader.dataset.pipeline[0]

    assert (window.candidates, window.fps, config.model.selector.count) == (80, 5, 16)
    assert config.train_dataloader.batch_size == 64
    assert config.model.threshold == 0.5


def test_release_config_says_what_the_released_code_was_run_with():
    config = load_config('ours_clip_release')
    model, window = config.model, config.train_dataloader.dataset.pipeline[0]

    assert (window.candidates, window.fps, window.window) == (16, 1, 'inside')
    assert (model.selector.count, model.selector.ranking) == (8, 'word')
    assert (model.global_frames, model.select_projected) == ('candidates', False)
    assert (model.heat_window, model.local_weight) == (16, 4.0)
    assert model.backbone.normalise is False
    assert (model.loss.type.__name__, model.loss.count_positives_twice) == ('MILNCELoss', True)
    assert 'local_loss' not in model  # the same
    assert (model.local_head.scale_at_eval, model.local_head.residual_at_eval) == (False, False)
    assert config.train_dataloader.batch_size == 64
    assert config.train_cfg.max_epochs == config.param_scheduler[1].T_max == 15
    assert (config.optim_wrapper.optimizer.lr, config.param_scheduler[0].end) == (1e-4, 5000)


def test_features_of_tiny_kitchen_are_stored_at_the_rate_they_are_read():
    config = load_config('ours_tiny')

    assert config.feature_fps == config.train_dataloader.dataset.pipeline[0].fps


def test_sound_of_tiny_kitchen_is_as_long_as_its_clips():
    sample, _, listen, _ = load_config('ablations/tiny_audio').train_dataloader.dataset.pipeline
    at_test = load_config('ablations/tiny_audio_at_test')

    assert listen.frames == 100 * sample.candidates / sample.fps
    assert at_test.model.audio_at_test == sample.candidates / sample.fps
    for loader in (at_test.val_dataloader, at_test.test_dataloader):
        assert [step.get('frames', '') for step in loader.dataset.pipeline] == ['', None, '']


def test_cached_config_is_the_paper_config_but_for_where_features_come_from():
    pixels, cached = load_config('ours_clip'), load_config('ours_clip_cached')
    steps = [step.type for step in cached.train_dataloader.dataset.pipeline]
    window = cached.train_dataloader.dataset.pipeline[0]

    for key in ('model', 'optim_wrapper', 'param_scheduler', 'train_cfg', 'test_evaluator'):
        assert cached[key] == pixels[key]
    assert window == pixels.train_dataloader.dataset.pipeline[0]
    assert cached.feature_fps == window.fps
    assert steps[1] is LoadFeatures
    assert cached.train_dataloader.batch_size == pixels.train_dataloader.batch_size
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        assert all(s.type is not LoadVideoFrames for s in cached[loader].dataset.pipeline)
