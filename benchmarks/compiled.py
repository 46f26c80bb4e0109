"""Processor seconds of forward and backward passes with ``torch.compile`` against without.

The local head on all pairs of a batch of clips of eight frames and, with ``--towers``, some layers
of the towers of a ViT-B/32-shaped CLIP with random weights: compiling all of them takes minutes.
Plain and compiled take turns; ratios are taken within a round, and the first call, which compiles,
is stated by itself. The largest relative difference of gradients is beside them.

    python benchmarks/compiled.py
    python benchmarks/compiled.py --towers --layers 2
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import torch
from _recording import RESULTS, Row, environment, record, summary
from torch import Tensor, nn
from transformers import CLIPConfig, CLIPModel

from stgr.models.heads import CrossSelfCrossHead

DIM, PATCHES, WORDS = 512, 49, 20  # ViT-B/32 at 224 pixels, and the narrations of the paper


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--clips', type=int, default=2, help='of eight frames, in the local head')
    parser.add_argument('--towers', action='store_true', help='compile the towers too')
    parser.add_argument('--layers', type=int, default=2, help='of each tower, 12 in ViT-B/32')
    parser.add_argument('--frames', type=int, default=8, help='pictures in the video tower')
    parser.add_argument('--out', type=Path, default=RESULTS / 'compiled.csv')
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    cases = {'local head': local_head(arguments.clips)}
    if arguments.towers:
        cases |= towers(arguments.layers, arguments.frames)
    rows = [{'part': part, **compare(*case, arguments.rounds)} for part, case in cases.items()]
    settings = {
        'clips': arguments.clips,
        'tower_layers': arguments.layers if arguments.towers else '',
        'frames': arguments.frames if arguments.towers else '',
        'threads': torch.get_num_threads(),
        **environment('torch', 'transformers'),
    }
    record(arguments.out, rows, settings)


def local_head(clips: int) -> tuple[nn.Module, Callable[[], Tensor]]:
    """Return the head and the sum of its scores, as a function."""
    head = CrossSelfCrossHead(DIM, DIM, DIM)
    patches, words = torch.randn(clips, 8 * PATCHES, DIM), torch.randn(clips, WORDS, DIM)
    return head, lambda: head.scores(patches, words).sum()


def towers(layers: int, frames: int) -> dict[str, tuple[nn.Module, Callable[[], Tensor]]]:
    """Return both towers of CLIP with a mean of their states."""
    size = {'num_hidden_layers': layers}
    clip = CLIPModel(CLIPConfig(vision_config=size, text_config=size))
    video, text = clip.vision_model, clip.text_model
    pictures, token_ids = torch.randn(frames, 3, 224, 224), torch.randint(0, 49000, (8, 22))
    return {
        'video tower': (video, lambda: video(pictures).last_hidden_state.square().mean()),
        'text tower': (text, lambda: text(token_ids).last_hidden_state.square().mean()),
    }


def compare(module: nn.Module, loss: Callable[[], Tensor], rounds: int) -> Row:
    """Return the ratio plain / compiled, the first call's wall time and how far gradients are."""
    compiled = torch.compile(loss)
    plain_gradients = gradients(module, loss)
    start = time.perf_counter()
    own_gradients = gradients(module, compiled)
    first_sec = time.perf_counter() - start
    timed = [(seconds(module, loss), seconds(module, compiled)) for _ in range(rounds)]
    return {
        **summary([plain / fast for plain, fast in timed]),
        'plain_sec': round(min(plain for plain, _ in timed), 3),
        'first_call_sec': round(first_sec, 1),
        'gradient_difference': f'{difference(plain_gradients, own_gradients):.1e}',
    }


def seconds(module: nn.Module, loss: Callable[[], Tensor]) -> float:
    """Return the processor seconds of one forward and backward pass."""
    start = time.process_time()
    module.zero_grad()
    loss().backward()
    return time.process_time() - start


def gradients(module: nn.Module, loss: Callable[[], Tensor]) -> Tensor:
    """Return all gradients in one vector."""
    module.zero_grad()
    loss().backward()
    found = [p.grad.flatten() for p in module.parameters() if p.grad is not None]
    return torch.cat(found).clone()


def difference(one: Tensor, other: Tensor) -> float:
    """Return the norm of the difference, relative."""
    return float((one - other).norm() / one.norm())


if __name__ == '__main__':
    main()
