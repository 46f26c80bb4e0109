"""The global losses with audio of two processes are those of one, also if one has no sound."""

import os
import subprocess
import sys

import pytest
import torch

pytestmark = pytest.mark.dist

PROGRAM = """
import os
import sys
import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel
from stgr.models.backbones import CLIPBackbone, DAVEnet
from stgr.models.grounders import AudioVisualTextGrounder
from stgr.models.heads import AudioHead, GlobalHead
from stgr.models.losses import MMSLoss
from stgr.models.selectors import TopKSelector

clip, folder, rank, world = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
torch.manual_seed(0)
grounder = AudioVisualTextGrounder(
    {'type': CLIPBackbone, 'source': clip},
    selector={'type': TopKSelector, 'count': 2},
    loss={'type': MMSLoss, 'margin': 0.1},
    global_head={'type': GlobalHead, 'dim': 8},
    audio_backbone={'type': DAVEnet, 'widths': (4, 4, 6)},
    audio_head={'type': AudioHead},
)
grounder.audio_backbone.eval()  # batch statistics are those of a process
generator = torch.Generator().manual_seed(1)
token_ids, token_mask = grounder.backbone.tokenize(
    ['crack an egg into the bowl', 'flip it', 'slice the bread', 'chop an onion']
)
inputs = {
    'frames': torch.randn(4, 3, 3, 32, 32, generator=generator),
    'frame_mask': torch.ones(4, 3, dtype=torch.bool),
    'token_ids': token_ids,
    'token_mask': token_mask,
    'audio': torch.randn(4, 40, 32, generator=generator),
    'audio_mask': torch.tensor([[True], [True], [False], [False]]).expand(4, 32),
}
model = grounder
if world > 1:
    dist.init_process_group('gloo', f'file://{folder}/meeting', rank=rank, world_size=world)
    model = DistributedDataParallel(grounder)
own = slice(rank * 4 // world, (rank + 1) * 4 // world)
losses = model({key: value[own] for key, value in inputs.items()}, [], mode='loss')
sum(losses.values()).backward()
found = {name: p.grad for name, p in grounder.named_parameters() if p.requires_grad}
torch.save({**{k: v.detach() for k, v in losses.items()}, **found}, f'{folder}/{world}_{rank}.pt')
if world > 1:
    dist.barrier()
    os._exit(0)  # gloo's threads now and then abort the shutdown, see tests/ops/test_gather.py
"""


def run(clip, folder, world):
    environment = os.environ | {'PYTHONPATH': os.pathsep.join(sys.path), 'OMP_NUM_THREADS': '1'}
    processes = [
        subprocess.Popen(
            [sys.executable, '-c', PROGRAM, clip, folder, str(rank), str(world)], env=environment
        )
        for rank in range(world)
    ]
    assert [process.wait(timeout=240) for process in processes] == [0] * world
    files = [folder / f'{world}_{rank}.pt' for rank in range(world)]
    return [torch.load(file, weights_only=True) for file in files]


def test_losses_and_gradients_of_two_ranks_are_those_of_one(tiny_clip_dir, tmp_path):
    (alone,) = run(tiny_clip_dir, tmp_path, 1)

    assert alone['loss_global_va'] > 0
    for found in run(tiny_clip_dir, tmp_path, 2):
        torch.testing.assert_close(found, alone, atol=1e-4, rtol=1e-4)
