"""A model in torch, in ONNX and in ONNX with 8-bit integers, on the CPU: speed, size and accuracy.

Speed: processor seconds of the encoders on random pictures and on sentences, all runtimes in turn
in each round; the ratio is torch's seconds by theirs, above 1 where they are faster. ``b32`` has
random weights in the shape of ViT-B/32, as computing takes no longer with learnt ones. Accuracy:
the test videos of TinyKitchen, encoded anew by each, with the thresholds of the model in torch.

    python benchmarks/int8.py    # accuracy too if the world is there
    python benchmarks/int8.py --encoders tiny b32 --world data/tiny_kitchen

Needs `pip install 'stgr[onnx]'`.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from _recording import RESULTS, Row, environment, record
from model_cost import random_model

from stgr.apis.build import build_grounder
from stgr.apis.conversion import convert_model
from stgr.apis.conversion.convert import check_packages
from stgr.apis.extract import extract_videos
from stgr.apis.model_hub import find_model, load_config
from stgr.apis.train import evaluate_checkpoint

SCORES = ('labels/label_acc', 'pointing/pointing_acc', 'iou_point/iou_point_video_class')
FORMS = ('torch', 'onnx', 'int8')
SENTENCES = [f'crack {number} eggs into the large bowl' for number in range(32)]


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--encoders', nargs='+', choices=('tiny', 'b32'), default=('tiny',))
    parser.add_argument('--frames', type=int, default=16, help='pictures at a time')
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--world', type=Path, default=Path('data/tiny_kitchen'))
    parser.add_argument('--out', type=Path, default=RESULTS / 'int8.csv')
    arguments = parser.parse_args()
    try:
        check_packages()
    except ImportError as error:
        print(f'skipped: {error}')
        return
    torch.set_num_threads(arguments.threads)
    rows: list[Row] = []
    for encoder in arguments.encoders:
        with tempfile.TemporaryDirectory() as name:
            rows += compare(encoder, Path(name), arguments)
    settings = {'frames': arguments.frames, 'threads': arguments.threads}
    settings |= environment('torch', 'onnxruntime')
    record(arguments.out, rows, settings | {'cpu': cpu_extensions()})


def compare(encoder: str, folder: Path, arguments: argparse.Namespace) -> list[Row]:
    """Return a row per form of a model."""
    model, weights = 'ours_tiny', find_model('ours_tiny').weights
    if encoder == 'b32':
        (folder / 'random').mkdir()
        _, model, _, file = random_model('ours_clip', 32, folder / 'random')
        weights = Path(file)
    for form in FORMS[1:]:
        convert_model(model, folder / form, to=form, weights=weights)
    grounders = {'torch': build_grounder(model, weights=weights, device='cpu')[0]}
    grounders |= {form: build_grounder(folder / form, device='cpu')[0] for form in FORMS[1:]}
    side = grounders['torch'].backbone.image_size
    pictures = torch.randn(1, arguments.frames, 3, side, side)
    mask = torch.ones(pictures.shape[:2], dtype=torch.bool)
    tokens = grounders['torch'].backbone.tokenize(SENTENCES)
    video = {
        form: lambda g=g: g.backbone.encode_video(pictures, mask) for form, g in grounders.items()
    }
    text = {form: lambda g=g: g.backbone.encode_text(*tokens) for form, g in grounders.items()}
    seconds = {'video': measure(video, arguments.rounds), 'text': measure(text, arguments.rounds)}
    rows: list[Row] = []
    for form in FORMS:
        row: Row = {'encoder': encoder, 'form': form, 'mib': size_mib(folder / form, grounders)}
        for part, found in seconds.items():
            ratios = [ours / own for ours, own in zip(found['torch'], found[form], strict=True)]
            row[f'{part}_ms'] = round(1000 * min(found[form]), 1)
            row[f'{part}_ratio'] = f'{statistics.median(ratios):.2f}'
            row[f'{part}_ratio_range'] = f'{min(ratios):.2f}-{max(ratios):.2f}'
        there = encoder == 'tiny' and (arguments.world / 'test').is_dir()
        found = accuracy(form, folder, arguments.world) if there else {}
        rows.append(row | {name: found.get(name, '') for name in SCORES})
    return rows


@torch.no_grad()
def measure(calls: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Return the processor seconds of each call in each round, after one that does not count."""
    seconds: dict[str, list[float]] = {form: [] for form in calls}
    for number in range(rounds + 1):
        for form, call in calls.items():
            start = time.process_time()
            call()
            if number:
                seconds[form].append(time.process_time() - start)
    return seconds


def size_mib(folder: Path, grounders: dict) -> float:
    """Return the size of a folder's graphs, or of the weights in torch."""
    if not folder.is_dir():
        values = sum(p.numel() * p.element_size() for p in grounders['torch'].parameters())
        return round(values / 2**20, 1)
    return round(sum(file.stat().st_size for file in folder.glob('*.onnx')) / 2**20, 1)


def accuracy(form: str, folder: Path, world: Path) -> dict[str, float]:
    """Return the scores of a form on the test videos, which it encodes itself."""
    config, checkpoint = load_config('ours_tiny'), find_model('ours_tiny').weights
    if form != 'torch':
        config.model = {'type': 'stgr.OnnxGrounder', 'folder': str(folder / form)}
        checkpoint = None
    store = folder / f'{form}_features'
    dataset = config.test_dataloader.dataset
    dataset.data_root, dataset.pipeline[0].store_dir = str(world / 'test'), str(store)
    config.test_evaluator.class_groups = str(world / 'groups.json')
    config.log_level = 'WARNING'
    config.dump(folder / f'{form}.py')
    extract_videos(folder / f'{form}.py', [world / 'test' / 'videos'], store)
    scores = evaluate_checkpoint(folder / f'{form}.py', checkpoint, work_dir=folder / 'work')
    return {name: round(100 * scores[f'grounding/{name}'], 2) for name in SCORES}


def cpu_extensions() -> str:
    """Return which of the instructions that products of 8-bit integers profit from are there."""
    try:
        flags = Path('/proc/cpuinfo').read_text().partition('flags')[2].partition('\n')[0].split()
    except OSError:
        return 'not known'
    return ' '.join(name for name in ('avx2', 'avx512_vnni', 'avx_vnni') if name in flags)


if __name__ == '__main__':
    main()
