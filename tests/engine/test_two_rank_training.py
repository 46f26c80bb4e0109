"""Two gloo processes: steps in chunks are those of one process, and all stop at one iteration.

This file is also the program of the two processes: ``test_two_rank_training.py RANK FOLDER CLIP``.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from mmengine.model import MMDistributedDataParallel
from mmengine.optim import OptimWrapper

pytestmark = pytest.mark.dist

HERE = Path(__file__).resolve().parent
SAID = (
    'crack an egg into the bowl', 'flip it', 'slice the bread', 'stir', 'pour the milk in slowly',
    'melt the butter', 'now whisk the eggs', 'add some flour and stir',
)  # fmt: skip
RUNS = {  # loss, whose texts the local loss sees, chunk, order of the clips in one process
    'mms': ('MMSLoss', 'process', 2, range(8)),
    'mil': ('MILNCELoss', 'process', 2, range(8)),
    'info': ('InfoNCELoss', 'process', 2, range(8)),
    'all': ('MMSLoss', 'all', 2, (0, 1, 4, 5, 2, 3, 6, 7)),  # first chunks of both, second chunks
}


def grounder_and_clips(clip, loss, negatives, rows):
    from stgr.models.backbones import CLIPBackbone
    from stgr.models.grounders import SpatioTemporalGrounder
    from stgr.models.heads import CrossSelfCrossHead, GlobalHead
    from stgr.models.selectors import TopKSelector
    from stgr.structures.grounding_sample import GroundingSample

    torch.manual_seed(0)
    grounder = SpatioTemporalGrounder(
        {'type': CLIPBackbone, 'source': clip},
        selector={'type': TopKSelector, 'count': 2},
        loss={'type': loss},
        global_head={'type': GlobalHead, 'dim': 8},
        local_head={'type': CrossSelfCrossHead, 'dim': 8},
        local_negatives=negatives,
    ).train()
    generator = torch.Generator().manual_seed(1)
    frames = torch.randint(0, 256, (8, 3, 3, 32, 32), dtype=torch.uint8, generator=generator)
    real = torch.ones(3, dtype=torch.bool)
    samples = [GroundingSample(video_id=f'v{i}', narration=SAID[i], frame_mask=real) for i in rows]
    return grounder, {'inputs': {'frames': [frames[i] for i in rows]}, 'data_samples': samples}


class Recorder(OptimWrapper):
    """Keeps the gradients of the step."""

    def step(self, **kwargs):
        self.found = [p.grad.clone() for p in self.optimizer.param_groups[0]['params']]


def cached_step(model, grounder, clips, chunk):
    from stgr.engine import cached_gradient_step

    learned = [p for p in grounder.parameters() if p.requires_grad]
    recorder = Recorder(torch.optim.SGD(learned, lr=0.1))
    logged = cached_gradient_step(model, clips, recorder, chunk_clips=chunk)
    return {'logged': dict(logged), 'gradients': recorder.found}


def train_toy(work_dir, *, resume=None):
    """Train the toy model in both processes; return the exit status and the steps saved."""
    from stgr.apis.train import train_model
    from stgr.engine import Preempted

    try:
        train_model(HERE / 'toy_config.py', work_dir=work_dir, resume=resume, launcher='pytorch')
    except Preempted as end:
        return end.code
    return 0


def run_rank(rank, folder, clip):
    dist.init_process_group('gloo', f'file://{folder}/meeting', rank=rank, world_size=2)
    found = {}
    for name, (loss, negatives, chunk, _) in RUNS.items():
        rows = range(4 * rank, 4 * rank + 4)
        grounder, clips = grounder_and_clips(clip, f'stgr.{loss}', negatives, rows)
        model = MMDistributedDataParallel(grounder)
        found[name] = cached_step(model, grounder, clips, chunk)
    sys.path.insert(0, str(HERE))
    found['whole'] = train_toy(folder / 'whole')
    os.environ['TOY_PREEMPT_AT_STEP'] = '5' if rank == 1 else '-1'
    before = signal.getsignal(signal.SIGTERM)
    found['preempted'] = train_toy(folder / 'broken')
    assert signal.getsignal(signal.SIGTERM) is before
    os.environ['TOY_PREEMPT_AT_STEP'] = '-1'
    dist.barrier()
    found['resumed'] = train_toy(folder / 'broken', resume='auto')
    torch.save(found, folder / f'rank{rank}.pt')
    dist.barrier()
    os._exit(0)  # gloo's threads now and then abort the shutdown, see tests/ops/test_gather.py


@pytest.fixture(scope='module')
def folder(tmp_path_factory, tiny_clip_dir):
    folder = tmp_path_factory.mktemp('ranks')
    command = [sys.executable, __file__]
    environment = os.environ | {'PYTHONPATH': os.pathsep.join(sys.path), 'OMP_NUM_THREADS': '1'}
    running = []
    for rank in range(2):
        ranks = {'RANK': str(rank), 'LOCAL_RANK': str(rank), 'WORLD_SIZE': '2'}
        arguments = [*command, str(rank), str(folder), str(tiny_clip_dir)]
        running.append(subprocess.Popen(arguments, env=environment | ranks))
    try:
        assert [process.wait(timeout=240) for process in running] == [0, 0]
    finally:
        for process in running:
            process.kill()
    return folder


@pytest.fixture(scope='module')
def ranks(folder):
    return [torch.load(folder / f'rank{rank}.pt', weights_only=True) for rank in range(2)]


@pytest.mark.parametrize('name', RUNS)
def test_chunks_of_two_ranks_give_the_step_of_one_process(name, ranks, tiny_clip_dir):
    loss, negatives, chunk, order = RUNS[name]
    grounder, clips = grounder_and_clips(str(tiny_clip_dir), f'stgr.{loss}', negatives, order)

    chunk = 2 * chunk if negatives == 'all' else chunk
    expected = cached_step(grounder, grounder, clips, chunk)

    logged = [rank[name]['logged'] for rank in ranks]
    for key in ('loss_global', 'loss_local', 'loss'):
        mean = (logged[0][key] + logged[1][key]) / 2
        torch.testing.assert_close(mean, expected['logged'][key], atol=1e-5, rtol=1e-5)
    for rank in ranks:
        torch.testing.assert_close(
            rank[name]['gradients'], expected['gradients'], atol=1e-5, rtol=1e-4
        )


def test_signal_to_one_rank_stops_both_at_one_iteration_and_they_go_on_exactly(ranks, folder):
    from stgr.engine import read_checkpoint

    ends = [[rank[name] for name in ('whole', 'preempted', 'resumed')] for rank in ranks]
    assert ends == [[0, 75, 0]] * 2
    assert read_checkpoint(folder / 'broken/preempted.pth')['meta']['iter'] == 5
    whole, broken = (
        read_checkpoint(folder / name / 'epoch_4.pth')['state_dict'] for name in ('whole', 'broken')
    )
    for name, value in whole.items():
        assert torch.equal(value, broken[name]), name


if __name__ == '__main__':
    run_rank(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
