"""Averaged weights are those that are validated, saved and tested; see docs/training.md."""

import torch
from mmengine.runner import Runner

from stgr.apis.train import evaluate_checkpoint, train_model
from stgr.engine import read_checkpoint

AVERAGE = ['+custom_hooks=[{"type":"EMAHook","momentum":0.5}]']


def test_average_is_tested_and_saved_while_training_goes_on_from_the_last_weights(
    toy_config, tmp_path, monkeypatch
):
    runner = train_model(toy_config, work_dir=tmp_path, overrides=AVERAGE)
    saved = read_checkpoint(tmp_path / 'epoch_4.pth')
    average, last = saved['state_dict'], saved['ema_state_dict']

    tested, call_hook = [], Runner.call_hook

    def spy(self, name, **kwargs):
        call_hook(self, name, **kwargs)
        if name == 'after_test_iter':
            tested.append(self.model.linear.weight.detach().clone())

    monkeypatch.setattr(Runner, 'call_hook', spy)
    evaluate_checkpoint(
        toy_config, tmp_path / 'epoch_4.pth', work_dir=tmp_path / 'test', overrides=AVERAGE
    )
    without_hook = len(tested)
    evaluate_checkpoint(toy_config, tmp_path / 'epoch_4.pth', work_dir=tmp_path / 'test')

    assert torch.equal(runner.model.linear.weight, last['module.linear.weight'])
    assert not torch.equal(average['linear.weight'], last['module.linear.weight'])
    assert without_hook == 2
    assert len(tested) == 4
    for weight in tested:
        assert torch.equal(weight, average['linear.weight'])


def test_average_is_the_moving_mean_of_the_weights(toy_config, tmp_path, monkeypatch):
    seen, call_hook = [], Runner.call_hook

    def spy(self, name, **kwargs):
        if name == 'after_train_iter':
            seen.append(self.model.linear.weight.detach().clone())
        call_hook(self, name, **kwargs)

    monkeypatch.setattr(Runner, 'call_hook', spy)
    train_model(toy_config, work_dir=tmp_path, overrides=AVERAGE)

    average = seen[0]
    for weight in seen[1:]:
        average = (average + weight) / 2
    saved = read_checkpoint(tmp_path / 'epoch_4.pth')['state_dict']['linear.weight']
    torch.testing.assert_close(saved, average)
