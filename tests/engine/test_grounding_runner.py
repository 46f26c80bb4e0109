"""The Runner loads strictly, keeps runs apart, finds parts by class or name, and says little."""

import re

import pytest
import torch
from mmengine.hooks import IterTimerHook
from toy_parts import ToyModel

from stgr.apis.train import evaluate_checkpoint, train_model
from stgr.engine import GroundingRunner, read_checkpoint
from stgr.registry import MODELS


def test_checkpoint_of_another_model_is_refused(load_toy, toy_config, tmp_path):
    train_model(toy_config, work_dir=tmp_path, overrides=['model.width=2'])

    config = load_toy(f'+load_from={tmp_path / "epoch_4.pth"}')
    with pytest.raises(
        ValueError, match=r'epoch_4\.pth does not fit ToyModel.*linear\.weight \(2, 3'
    ):
        GroundingRunner.from_cfg(config).train()


def test_lenient_loading_is_not_offered(load_toy):
    runner = GroundingRunner.from_cfg(load_toy())
    with pytest.raises(ValueError, match='strictly'):
        runner.load_checkpoint('a.pth', strict=False)


def test_testing_scores_the_checkpoint_that_is_given(toy_config, tmp_path):
    train_model(toy_config, work_dir=tmp_path, overrides=['train_cfg.max_epochs=1'])

    metrics = evaluate_checkpoint(toy_config, tmp_path / 'epoch_1.pth', work_dir=tmp_path)
    assert metrics == {'clips': 4.0}
    with pytest.raises(FileNotFoundError, match=r'no checkpoint gone\.pth'):
        evaluate_checkpoint(toy_config, 'gone.pth', work_dir=tmp_path)


def test_two_runs_of_one_second_do_not_share_their_logs(load_toy, monkeypatch):
    monkeypatch.setattr('time.strftime', lambda *_: '20240101_000000')
    first = GroundingRunner.from_cfg(load_toy('train_cfg.max_epochs=1'))
    second = GroundingRunner.from_cfg(load_toy('train_cfg.max_epochs=1'))
    first.train()

    assert first.message_hub is not second.message_hub
    assert first.logger is not second.logger
    assert len(first.message_hub.get_scalar('train/loss').data[0]) == 4
    assert 'train/loss' not in second.message_hub.log_scalars


@pytest.mark.parametrize(
    'type_',
    [ToyModel, 'stgr.ToyModel', 'toy_parts.ToyModel'],
    ids=['class', 'name', 'dotted path'],
)
def test_parts_are_found_by_class_and_by_name_without_a_default_scope(type_, load_toy):
    config = load_toy(*([f'model.type={type_}'] if isinstance(type_, str) else []))

    assert config.default_scope is None
    assert isinstance(GroundingRunner.from_cfg(config).model, ToyModel)
    assert isinstance(MODELS.build({'type': type_}), ToyModel)


@pytest.mark.parametrize(
    ('name', 'said'),
    [
        ('TopKSelecto', "no model is called 'TopKSelecto'; did you mean TopKSelector"),
        ('stgr.MMSLos', "no model is called 'stgr.MMSLos'; did you mean MMSLoss"),
        ('no_module.Qwxyz', "no model is called 'no_module.Qwxyz'; there are AllFrames, "),
    ],
)
def test_unknown_part_of_a_model_is_told_with_near_names(name, said):
    with pytest.raises(KeyError, match=re.escape(said)):
        MODELS.build({'type': name})


def test_hooks_are_found_by_name_and_defaults_can_be_dropped(load_toy):
    config = load_toy(
        "+default_hooks.trim_history={'type': 'stgr.TrimHistoryHook', 'max_length': 5}",
        '+default_hooks.progress=none',
        '+default_hooks.timer=none',
    )
    runner = GroundingRunner.from_cfg(config)

    names = [type(hook).__name__ for hook in runner.hooks]
    assert names.count('TrimHistoryHook') == 1
    assert {'EpochSeedHook', 'StopOnNanHook', 'CrashSafeCheckpointHook'} <= set(names)
    assert 'ProgressHook' not in names
    assert not any(isinstance(hook, IterTimerHook) for hook in runner.hooks)


def test_dumped_config_trains_to_the_same_weights(toy_config, tmp_path):
    train_model(toy_config, work_dir=tmp_path / 'a')
    train_model(tmp_path / 'a' / 'toy_config.py', work_dir=tmp_path / 'b')

    first, second = (read_checkpoint(tmp_path / d / 'epoch_4.pth')['state_dict'] for d in 'ab')
    assert torch.equal(first['linear.weight'], second['linear.weight'])


def test_training_in_bfloat16_runs_on_a_cpu(toy_config, tmp_path):
    runner = train_model(toy_config, work_dir=tmp_path, amp='bf16')

    assert type(runner.optim_wrapper).__name__ == 'Bf16OptimWrapper'
    with runner.optim_wrapper.optim_context(runner.model):
        assert runner.model.linear(torch.ones(1, 3)).dtype is torch.bfloat16
    assert runner.model.linear.weight.dtype is torch.float32


def test_seed_given_decides_and_zero_is_the_default(toy_config, tmp_path):
    runs = [
        train_model(
            toy_config, work_dir=tmp_path / str(i), seed=seed, overrides=['train_cfg.max_epochs=1']
        )
        for i, seed in enumerate([None, 0, 3])
    ]

    weights = [run.model.linear.weight for run in runs]
    assert [run.seed for run in runs] == [0, 0, 3]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_log_holds_a_few_lines_and_no_listing(toy_config, tmp_path, capfd):
    train_model(toy_config, work_dir=tmp_path, overrides=['train_cfg.max_epochs=1'])

    lines = [line for line in capfd.readouterr().out.splitlines() if line]
    assert len(lines) <= 5, lines
    assert any('Epoch(train) [1][4/4]' in line for line in lines)


def test_fewer_clips_than_a_batch_are_refused_with_both_ways_out(load_toy):
    config = load_toy('train_dataloader.batch_size=9', '+train_dataloader.drop_last=True')
    with pytest.raises(ValueError, match=r'8 clips .* batch_size of 9, .* at most 8, or drop_last'):
        GroundingRunner.from_cfg(config).train()

    config.train_dataloader.drop_last = False
    GroundingRunner.from_cfg(config).train()
