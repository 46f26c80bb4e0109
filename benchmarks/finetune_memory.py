"""Peak memory and time of a fine-tuning step of CLIP: all of it, its upper part, with checkpoints.

A ViT-B/32-shaped CLIP with random weights, so that nothing is downloaded; each way in a fresh
process, a step twice. Linux only. Ratios to training the whole encoder as it is.

    python benchmarks/finetune_memory.py --frames 32
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from _recording import RESULTS, Row, environment, record

WAYS = {
    'all': {'frozen': False},
    'all, checkpointed': {'frozen': False, 'gradient_checkpointing': True},
    'last 2 layers': {'frozen': {'vision': 10}},
    'frozen': {'frozen': True},
}
SENTENCES = ('crack an egg', 'whisk the eggs', 'pour the milk', 'flip the pancake')


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--frames', type=int, default=16, help='pictures encoded in a step')
    parser.add_argument('--way', choices=tuple(WAYS), help=argparse.SUPPRESS)
    parser.add_argument('--clip', help=argparse.SUPPRESS)
    parser.add_argument('--out', type=Path, default=RESULTS / 'finetune_memory.csv')
    arguments = parser.parse_args()
    if arguments.way:
        print(*measure(arguments.clip, WAYS[arguments.way], arguments.frames))
        return
    with tempfile.TemporaryDirectory() as folder:
        make_clip(folder)
        rows = [row(way, folder, arguments.frames) for way in WAYS]
    whole = rows[0]
    for one in rows:
        one['step_mib_ratio'] = round(one['step_mib'] / whole['step_mib'], 3)
        one['seconds_ratio'] = round(one['seconds'] / whole['seconds'], 3)
    settings = {'frames': arguments.frames, **environment('torch', 'transformers')}
    record(arguments.out, rows, settings)


def make_clip(folder: str) -> None:
    """Write a CLIP with the shape of ViT-B/32 and a small vocabulary."""
    import transformers
    from transformers import CLIPConfig, CLIPModel

    from stgr.models.backbones.tiny_tokenizer import train_clip_tokenizer

    transformers.logging.disable_progress_bar()
    size = train_clip_tokenizer(SENTENCES, folder, vocab_size=600)
    marks = {'bos_token_id': size - 2, 'eos_token_id': size - 1, 'pad_token_id': size - 1}
    CLIPModel(CLIPConfig(text_config={'vocab_size': size, **marks})).save_pretrained(folder)


def row(way: str, folder: str, frames: int) -> Row:
    """Return what a fresh process measures."""
    command = [sys.executable, __file__, '--way', way, '--clip', folder, '--frames', str(frames)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    before, peak, seconds = map(float, done.stdout.split()[-3:])
    return {
        'way': way,
        'peak_mib': round(peak),
        'step_mib': round(peak - before),  # above the weights: activations and gradients
        'seconds': round(seconds, 2),  # of one core, whatever else runs
    }


def measure(folder: str, settings: dict, frames: int) -> tuple[float, float, float]:
    """Return MiB with the weights loaded, at the peak of two steps, and CPU seconds of the last."""
    import torch

    from stgr.models.backbones import CLIPBackbone

    torch.set_num_threads(1)
    backbone = CLIPBackbone(folder, **settings).train()
    pictures = torch.randn(1, frames, 3, 224, 224)
    mask, before = torch.ones(1, frames, dtype=torch.bool), peak_mib()
    for _ in range(2):
        start = time.process_time()
        video = backbone.encode_video(pictures, mask)
        text = backbone.encode_text(*backbone.tokenize(SENTENCES))
        loss = video.patches.square().mean() + text.words.square().mean()
        if loss.requires_grad:
            loss.backward()
        seconds = time.process_time() - start
    return before, peak_mib(), seconds


def peak_mib() -> float:
    """Return the most memory this process has used."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == '__main__':
    main()
