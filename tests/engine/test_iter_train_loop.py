"""A run counted in iterations goes on exactly, sees its data anew in each pass, and validates."""

import pytest
import torch
from toy_parts import ToyClips

from stgr.engine import GroundingRunner, IterTrainLoop
from stgr.registry import DATASETS

ITERATIONS = 9  # two passes over four batches, and one batch more


@DATASETS.register_module()
class WatchedClips(ToyClips):
    """Keeps which clips were loaded in which epoch."""

    epoch = None

    def __init__(self, count=8):
        super().__init__(count)
        self.loaded = []

    def set_epoch(self, epoch):
        self.epoch = epoch

    def __getitem__(self, index):
        self.loaded.append((self.epoch, index))
        return super().__getitem__(index)


@pytest.fixture
def prepare(load_toy, tmp_path):
    """Return a function that builds the runner of a folder: (folder, overrides, resume)."""

    def build(folder, sampler='DefaultSampler', **changes):
        config = load_toy()
        config.work_dir = str(tmp_path / folder)
        config.train_cfg = {'by_epoch': False, 'max_iters': ITERATIONS}
        config.train_dataloader.dataset = {'type': 'stgr.WatchedClips'}
        config.train_dataloader.sampler = {'type': sampler, 'shuffle': True}
        config.default_hooks.checkpoint.update(by_epoch=False, interval=1, max_keep_ckpts=99)
        config.merge_from_dict(changes)
        return GroundingRunner.from_cfg(config)

    return build


def loaded(runner):
    return runner.train_dataloader.dataset.loaded


def test_each_pass_is_an_epoch_of_the_sampler_and_of_the_data(prepare):
    runner = prepare('a')
    assert isinstance(runner.train_loop, IterTrainLoop)
    runner.train()

    epochs = [epoch for epoch, _ in loaded(runner)]
    orders = [[index for epoch, index in loaded(runner) if epoch == e] for e in (0, 1)]
    assert epochs == [0] * 8 + [1] * 8 + [2] * 2
    assert [sorted(order) for order in orders] == [list(range(8))] * 2
    assert orders[0] != orders[1]


@pytest.mark.parametrize('sampler', ['DefaultSampler', 'InfiniteSampler'])
@pytest.mark.parametrize('step', [3, 4, 6])
def test_run_goes_on_from_any_iteration_and_loads_nothing_twice(step, sampler, prepare, tmp_path):
    whole = prepare('whole', sampler)
    whole.train()

    rest = prepare('rest', sampler, load_from=str(tmp_path / f'whole/iter_{step}.pth'), resume=True)
    rest.train()

    assert rest.iter == ITERATIONS
    assert loaded(rest) == loaded(whole)[2 * step :]
    for one, other in zip(whole.model.parameters(), rest.model.parameters(), strict=True):
        torch.testing.assert_close(one, other, atol=0, rtol=0)


def test_other_batches_are_refused(prepare, tmp_path):
    prepare('whole').train()
    start = {'load_from': str(tmp_path / 'whole/iter_4.pth'), 'resume': True}

    with pytest.raises(ValueError, match=r'after 4 of the 4 .*here has 8, of 1 of 8 clips'):
        prepare('rest', **start, **{'train_dataloader.batch_size': 1}).train()


def test_validation_follows_every_so_many_iterations_and_the_last(prepare, monkeypatch):
    runner = prepare(
        'a',
        **{'train_cfg.val_interval': 2, 'train_cfg.val_begin': 3, 'train_cfg.max_iters': 7},
        val_dataloader={'dataset': {'type': 'stgr.ToyClips', 'count': 1}, 'batch_size': 1},
        val_cfg={},
        val_evaluator={'type': 'stgr.ToyMetric'},
    )
    seen = []
    monkeypatch.setattr(type(runner.val_loop), 'run', lambda loop: seen.append(runner.iter))

    runner.train()

    assert seen == [4, 6, 7]


def test_no_batch_is_an_error_not_an_endless_loop(prepare):
    runner = prepare('a', **{'train_dataloader.batch_size': 9, 'train_dataloader.drop_last': True})

    with pytest.raises(ValueError, match='the 8 clips are fewer than a batch, and drop_last'):
        runner.train()
