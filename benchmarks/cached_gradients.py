"""Peak memory and time of a step on one contrastive batch: at once, and in chunks.

Tiny pictures through a small CLIP with random weights that learns from the first layer on; each
batch in a fresh process, which takes one step to warm up and one to measure. Linux only. Ratios are
to the whole batch at once, where that is run too.

    python benchmarks/cached_gradients.py --largest 4096
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from _recording import RESULTS, Row, environment, record

FRAMES, SIDE, CHUNK = 4, 32, 64
AT_ONCE = 512  # the largest batch that is also taken at once
SENTENCES = ('crack an egg', 'whisk the eggs', 'pour the milk', 'flip the pancake')


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--largest', type=int, default=512, help='clips of the largest batch')
    parser.add_argument('--clips', type=int, help=argparse.SUPPRESS)
    parser.add_argument('--chunk', type=int, help=argparse.SUPPRESS)
    parser.add_argument('--clip', help=argparse.SUPPRESS)
    parser.add_argument('--out', type=Path, default=RESULTS / 'cached_gradients.csv')
    arguments = parser.parse_args()
    if arguments.clips:
        print(*measure(arguments.clip, arguments.clips, arguments.chunk))
        return
    sizes = [clips for clips in (128, 512) if clips < arguments.largest]
    with tempfile.TemporaryDirectory() as folder:
        make_clip(folder)
        rows = []
        for clips in [*sizes, arguments.largest]:
            at_once = row(folder, clips, clips) if clips <= AT_ONCE else None
            found = [at_once, row(folder, clips, CHUNK)]
            rows += [with_ratios(one, at_once) for one in found if one]
    settings = {'frames': FRAMES, 'side': SIDE, **environment('torch', 'transformers')}
    record(arguments.out, rows, settings)


def make_clip(folder: str) -> None:
    """Write a small CLIP with a small vocabulary."""
    import transformers
    from transformers import CLIPConfig, CLIPModel

    from stgr.models.backbones.tiny_tokenizer import train_clip_tokenizer

    transformers.logging.disable_progress_bar()
    size = train_clip_tokenizer(SENTENCES, folder, vocab_size=600)
    marks = {'bos_token_id': size - 2, 'eos_token_id': size - 1, 'pad_token_id': size - 1}
    tower = {'hidden_size': 64, 'intermediate_size': 256, 'num_hidden_layers': 4}
    tower['num_attention_heads'] = 4
    vision = {**tower, 'image_size': SIDE, 'patch_size': 8}
    text = {**tower, 'vocab_size': size, **marks}
    config = CLIPConfig(text_config=text, vision_config=vision, projection_dim=64)
    CLIPModel(config).save_pretrained(folder)


def row(folder: str, clips: int, chunk: int) -> Row:
    """Return what a fresh process measures."""
    command = [sys.executable, __file__, '--clip', folder]
    command += ['--clips', str(clips), '--chunk', str(chunk)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    before, peak, seconds = map(float, done.stdout.split()[-3:])
    return {
        'clips': clips,
        'chunk': chunk,
        'step_mib': round(peak - before),  # above model and batch: what the step needs
        'seconds': round(seconds, 2),  # of one core, whatever else runs
    }


def with_ratios(one: Row, at_once: Row | None) -> Row:
    """Return a row with its ratios to the batch at once; empty where that was not run."""
    return one | {
        f'{name}_ratio': '' if at_once is None else round(one[name] / at_once[name], 3)
        for name in ('step_mib', 'seconds')
    }


def measure(folder: str, clips: int, chunk: int) -> tuple[float, float, float]:
    """Return MiB before the first step and at the peak of all, and CPU seconds of the last."""
    import torch
    from mmengine.optim import OptimWrapper

    from stgr.engine import cached_gradient_step
    from stgr.models.backbones import CLIPBackbone
    from stgr.models.grounders import SpatioTemporalGrounder
    from stgr.models.heads import GlobalHead
    from stgr.models.losses import MMSLoss
    from stgr.models.selectors import TopKSelector

    torch.set_num_threads(1)
    grounder = SpatioTemporalGrounder(
        {'type': CLIPBackbone, 'source': folder, 'frozen': False},
        selector={'type': TopKSelector, 'count': 2},
        loss={'type': MMSLoss},
        global_head={'type': GlobalHead, 'dim': 64},
        # The local loss is per chunk, thus another one at once: left out of the comparison.
        local_head=None,
    ).train()
    wrapper = OptimWrapper(torch.optim.AdamW(grounder.parameters(), lr=1e-4))
    batch, before = make_batch(clips), peak_mib()
    for _ in range(2 if clips <= AT_ONCE else 1):
        start = time.process_time()
        cached_gradient_step(grounder, batch, wrapper, chunk_clips=chunk)
        seconds = time.process_time() - start
    return before, peak_mib(), seconds


def make_batch(clips: int) -> dict:
    """Return a collated batch of noise."""
    import torch

    from stgr.structures.grounding_sample import GroundingSample

    frames = torch.randint(0, 256, (clips, FRAMES, 3, SIDE, SIDE), dtype=torch.uint8)
    real = torch.ones(FRAMES, dtype=torch.bool)
    samples = [
        GroundingSample(video_id=f'v{i}', narration=SENTENCES[i % 4], frame_mask=real)
        for i in range(clips)
    ]
    return {'inputs': {'frames': list(frames)}, 'data_samples': samples}


def peak_mib() -> float:
    """Return the most memory this process has used."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == '__main__':
    main()
