"""How much of a training step frame selection takes, at the paper's frame and text sizes.

A step of ``configs/ours_clip.py`` from pixels (80 candidates of 224 x 224, sentences of 20 tokens
and more, 16 frames kept, ViT-B/32 with random weights), forward, backward and optimiser, with the
processor time of ``SpatioTemporalGrounder.select`` taken inside it. The paper's own figure is 4 %
(1.54 s against 1.48 s a step). Writes one CSV.

    python benchmarks/selection_share.py
"""

import argparse
import time
from pathlib import Path

import torch
from _random_model import build_grounder
from _recording import RESULTS, environment, record, summary
from mmengine.optim import OptimWrapper

from stgr.structures.grounding_sample import GroundingSample

SENTENCE = (
    'now we slowly crack one large egg into the bowl and then stir it well with a wooden spoon'
)
FRAMES = 80


def main() -> None:
    """Time some steps and write the shares."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--clips', type=int, default=1)
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--out', type=Path, default=RESULTS / 'selection_share.csv')
    args = parser.parse_args()
    torch.set_num_threads(1)
    model = build_grounder()
    optimizer = OptimWrapper(torch.optim.AdamW(p for p in model.parameters() if p.requires_grad))
    spent = count_time_of_select(model)
    model.train_step(clips(args.clips), optimizer)  # warm-up
    shares, seconds = [], []
    for _ in range(args.rounds):
        spent.clear()
        start = time.process_time()
        model.train_step(clips(args.clips), optimizer)
        seconds.append(time.process_time() - start)
        shares.append(100 * sum(spent) / seconds[-1])
    rows = [
        {'measure': 'selection, % of a step', **summary(shares)},
        {'measure': 'a step, CPU s', **summary(seconds)},
    ]
    settings = {'clips': args.clips, 'candidates': FRAMES, 'kept': model.selector.count}
    record(
        args.out,
        rows,
        {**settings, 'threads': torch.get_num_threads(), **environment('torch', 'transformers')},
    )


def count_time_of_select(model: torch.nn.Module) -> list[float]:
    """Make the model note the seconds of each selection, and return its notes."""
    spent: list[float] = []
    original = model.select

    def timed(*args: object) -> object:
        start = time.process_time()
        selection = original(*args)
        spent.append(time.process_time() - start)
        return selection

    model.select = timed
    return spent


def clips(count: int) -> dict[str, object]:
    """Return a batch of random clips, packed as a data loader has them."""
    stream = torch.Generator().manual_seed(0)
    shape = (FRAMES, 3, 224, 224)
    frames = [
        torch.randint(0, 256, shape, dtype=torch.uint8, generator=stream) for _ in range(count)
    ]
    mask = torch.ones(FRAMES, dtype=torch.bool)
    samples = [
        GroundingSample(video_id=f'v{i}', narration=SENTENCE, frame_mask=mask) for i in range(count)
    ]
    return {'inputs': {'frames': frames}, 'data_samples': samples}


if __name__ == '__main__':
    main()
