"""Make the CLIP that travels with stgr, from nothing: tokenizer, pretraining, files to ship.

    python tools/model_zoo/make_clip_tiny.py OUT

The same command goes on where an interrupted one stopped; the model appears whole or not at all,
and none is overwritten. At the end, and alone with
``--only-evaluate``, it prints the zero-shot accuracy on pictures of another seed, and chance.
"""

import argparse
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from stgr.datasets.tiny_kitchen import TinyKitchenFrames
    from stgr.models.backbones import CLIPBackbone

CORPUS_SEED, CORPUS_SIZE, VOCABULARY = 1, 4000, 900
EVALUATION_SEED, EVALUATED, CHUNK = 99, 2000, 100


def main() -> None:
    """Train whatever is missing and write the files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('out', type=Path, help='folder for the model')
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/clip_tiny'))
    parser.add_argument('--only-evaluate', action='store_true', help='score the model in OUT')
    args = parser.parse_args()
    if not args.only_evaluate:
        make(args.out, args.work_dir)
    for line in evaluate(args.out):
        print(line)


def make(out: Path, work_dir: Path, overrides: Iterable[str] = ()) -> None:
    """Train tokenizer and model, or go on with it, and save both."""
    import cv2

    from stgr.apis.train import train_model
    from stgr.io.atomic import folder_written_whole
    from stgr.models.backbones.tiny_tokenizer import train_clip_tokenizer

    if _is_filled(out):  # known now, not after the training
        raise FileExistsError(f'{out} exists already; remove it or give another place')
    cv2.setNumThreads(0)  # the worker that draws is forked: no threads may be waiting by then
    tokenizer = work_dir / 'tokenizer'
    if not _is_filled(tokenizer):
        work_dir.mkdir(parents=True, exist_ok=True)
        with folder_written_whole(tokenizer) as partial:
            train_clip_tokenizer(corpus(), partial, vocab_size=VOCABULARY)
    runner = train_model(
        'clip_tiny',
        work_dir=work_dir,
        resume='auto',
        overrides=[f'model.tokenizer={tokenizer}', *overrides],
    )
    model = runner.model.clip.half()
    model.set_attn_implementation('sdpa')
    out.parent.mkdir(parents=True, exist_ok=True)
    with folder_written_whole(out) as partial:
        model.save_pretrained(partial)
        runner.model.tokenizer.save_pretrained(partial)
    print(f'saved {out}')


def _is_filled(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())


def corpus() -> list[str]:
    """Return sentences as they occur in TinyKitchen, for the tokenizer's merges."""
    from stgr.datasets.tiny_kitchen import narration, vocabulary

    rng = np.random.default_rng(CORPUS_SEED)
    things = [*vocabulary.NOUNS, *vocabulary.TOOLS]
    steps = [vocabulary.STEPS[i] for i in rng.integers(len(vocabulary.STEPS), size=CORPUS_SIZE)]
    kinds = ('talk', 'pan', 'table')
    sentences = [narration.narrate(rng, step) for step in steps]
    sentences += [narration.caption_shot(rng, step, 'action', things) for step in steps]
    sentences += [narration.caption_shot(rng, None, kind, things) for kind in kinds * 300]
    sentences += [narration.caption_thing(rng, thing) for thing in things * 20]
    sentences += [narration.small_talk(rng) for _ in range(300)]
    return sentences


def evaluate(folder: Path, pictures: int = EVALUATED) -> list[str]:
    """Return lines with the zero-shot accuracy of a saved model, loaded as any other."""
    from stgr.datasets.tiny_kitchen import vocabulary
    from stgr.models.backbones import CLIPBackbone

    backbone = CLIPBackbone(folder)
    scene = {'shares': (0.0, 1.0, 0.0), 'cut_out_share': 0.0}
    names = [step.name for step in vocabulary.SEEN_STEPS]
    tools = {step.name: step.verb.tool for step in vocabulary.SEEN_STEPS}
    truth, guesses = _classify(backbone, names, _pictures(pictures, **scene), 'step')
    scores = {
        f'step, of {len(names)}': np.mean([a == b for a, b in zip(truth, guesses, strict=True)]),
        f'noun, of {len(vocabulary.NOUNS)}': np.mean(
            [a.split()[1] == b.split()[1] for a, b in zip(truth, guesses, strict=True)]
        ),
        f'tool, of {len(vocabulary.TOOLS)}': np.mean(
            [tools[a] == tools[b] for a, b in zip(truth, guesses, strict=True)]
        ),
    }
    things = [*vocabulary.NOUNS, *vocabulary.TOOLS]
    truth, guesses = _classify(
        backbone, things, _pictures(pictures, shares=(1.0, 0.0, 0.0)), 'caption'
    )
    hits = [guess in words.split() for words, guess in zip(truth, guesses, strict=True)]
    scores[f'close-up, of {len(things)}'] = np.mean(hits)
    return [f'{name}: {100 * score:.1f} %' for name, score in scores.items()]


def _pictures(count: int, **settings) -> 'TinyKitchenFrames':
    """Return pictures of a seed that training never drew from."""
    from stgr.datasets.tiny_kitchen import TinyKitchenFrames

    return TinyKitchenFrames(count, seed=EVALUATION_SEED, **settings)


def _classify(
    backbone: 'CLIPBackbone', names: list[str], pictures: 'TinyKitchenFrames', key: str
) -> tuple[list[str], list[str]]:
    """Return truth and best name of each picture."""
    import torch

    from stgr.models.data_preprocessors import ClipPreprocessor
    from stgr.ops.cosine import cosine_matrix

    normalise = ClipPreprocessor(
        backbone.image_size, backbone.mean, backbone.std, backbone.tokenize
    ).normalise
    truth, guesses = [], []
    with torch.no_grad():
        texts = backbone.encode_text(*backbone.tokenize(names)).sentence
        for chunk in _batched(pictures, CHUNK):
            images = [torch.as_tensor(item['image']).permute(2, 0, 1) for item in chunk]
            mask = torch.ones(1, len(chunk), dtype=torch.bool)
            frames = backbone.encode_video(normalise(torch.stack(images))[None], mask).frames[0]
            truth += [item[key] for item in chunk]
            guesses += [names[i] for i in cosine_matrix(frames, texts).argmax(dim=1).tolist()]
    return truth, guesses


def _batched(items: Iterable, size: int) -> Iterator[list]:
    """Yield lists of ``size`` items, the last one shorter."""
    items = iter(items)
    while chunk := list(islice(items, size)):
        yield chunk


if __name__ == '__main__':
    main()
