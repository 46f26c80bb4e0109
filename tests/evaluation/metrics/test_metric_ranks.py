import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.dist

PROGRAM = """
import json, os, sys
import numpy as np
import torch.distributed as dist
from stgr.evaluation.metrics import GroundingMetric

rank, world, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
dist.init_process_group('gloo', f'file://{folder}/rendezvous_{world}', rank=rank, world_size=world)

def sample(number):
    generator = np.random.default_rng(number)
    return {
        'video_id': f'video {number}',
        'pool': ['a', 'b', 'c'],
        'times': np.arange(20),
        'gt_labels': generator.integers(-1, 3, 20),
        'gt_boxes_px': np.tile([10, 10, 60, 60], (20, 1)),
        'frame_size': (100, 80),
        'pred_labels': generator.integers(-1, 3, 20),
        'pred_scores': generator.random(20),
        'heatmaps': generator.random((20, 3, 3)),
        'gt_heatmaps': generator.random((20, 3, 3)),
    }

metric = GroundingMetric(
    controls=['chance', 'oracle'],
    mask_threshold=0.5,
    per_video_path=f'{folder}/videos_{world}.json',
    collect_dir=f'{folder}/collect_{world}',
)
padded = [0, 1, 2, 3, 4, 0]  # as a distributed sampler pads five videos to two ranks
for number in (padded[rank::world] if world > 1 else padded[:5]):
    metric.process(None, [sample(number)])
scores = metric.evaluate(5)
with open(f'{folder}/scores_{world}_{rank}.json', 'w') as file:
    json.dump(scores, file)
dist.barrier()
os._exit(0)  # gloo's threads now and then abort the shutdown, see tests/ops/test_gather.py
"""


def _scores(folder, world):
    processes = [
        subprocess.Popen([sys.executable, '-c', PROGRAM, str(rank), str(world), str(folder)])
        for rank in range(world)
    ]
    assert [process.wait(timeout=240) for process in processes] == [0] * world
    return [
        json.loads((folder / f'scores_{world}_{rank}.json').read_text()) for rank in range(world)
    ]


def test_two_ranks_score_as_one_on_every_rank(tmp_path):
    (alone,) = _scores(tmp_path, 1)
    for scores in _scores(tmp_path, 2):
        assert scores == pytest.approx(alone, abs=1e-12, nan_ok=True)
    assert alone['grounding/num_videos'] == 5
    first, second = (json.loads((tmp_path / f'videos_{n}.json').read_text()) for n in (1, 2))
    assert first == second
