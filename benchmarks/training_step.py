"""A training step of ``ours_clip``, from pixels and from the feature store, against plain PyTorch.

``library`` is ``train_step`` of the grounder; ``plain`` is the same step as one writes it by hand
(``_plain_grounder.py``), with the same weights, batches and optimiser. Losses and gradients of both
are compared first, in float32. ``pixels``: decoded 224 x 224 pictures in memory, encoder, frame
selection, both losses, backward pass, optimiser. ``store``: the library reads its windows from
shards, plain PyTorch maps a ``.npy`` file per video; no encoder but that of text.

Both take a step in turn in every round, and ratios are taken within the round. On the CPU processor
seconds are counted, on a GPU wall seconds between synchronisations. ``gflop`` are the operations of
matrix products that a step executes, recomputation included, and ``of_gemm_peak`` their speed as a
share of a large matrix product's in the same run. Memory is measured on a GPU only; there the plain
step computes its pairs in chunks if they do not fit.

    python benchmarks/training_step.py
    python benchmarks/training_step.py --sources store --clips 2 4 8 16 --out clips.csv
    python benchmarks/training_step.py --profile     # profile_step_*.csv
    python benchmarks/training_step.py --device cuda --precision bfloat16 --clips 64 1024
"""

import argparse
import statistics
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from _devices import (
    DTYPES,
    add_device,
    count_flops,
    data_sheet_flops_per_sec,
    gemm_flops_per_sec,
    peak_mib,
    seconds,
    set_up,
)
from _plain_grounder import PlainGrounder
from _random_model import ENCODERS, build_grounder
from _recording import RESULTS, Row, environment, record, summary
from mmengine.optim import OptimWrapper
from torch.profiler import ProfilerActivity, profile

from stgr.datasets.transforms import LoadFeatures, PackClip
from stgr.engine.bf16_optim_wrapper import Bf16OptimWrapper, autocast
from stgr.io.feature_writer import write_features
from stgr.io.store_writer import StoreWriter
from stgr.structures.grounding_sample import GroundingSample

NARRATIONS = (
    'now we slowly crack one large egg into the bowl and then stir it well with a wooden spoon',
    'pour the milk in slowly while you whisk it',
    'let the butter melt in a small pan and wait until it does not foam any more',
    'flip it over',
)
# Clips, frames kept and candidates from pixels: what a CPU does in seconds, and the paper's sizes.
SIZES = {'cpu': ([4], [8], 16), 'cuda': ([64], [16], 80)}
STORED_CANDIDATES, STORED_FPS, STORED_SEC, STORED_VIDEOS = 80, 5, 40, 4
WIDTHS = {'b32': 512, 'tiny': 128}  # of stored features
SIDES = {'b32': 224, 'tiny': 112}  # of pictures
DISTINCT_CLIPS = 16  # larger batches repeat them: drawing 1,024 clips of pixels takes longer
CHECKED_CLIPS, LOSS_TOLERANCE, GRADIENT_TOLERANCE = 4, 1e-3, 1e-2
FACTS = {
    'reader': 'made',
    'rate_fps': STORED_FPS,
    'image_size': 224,
    'grid': (7, 7),
    'backbone_sha256': 'made',
}
Step = Callable[[], object]


class LibraryStep:
    """``train_step`` of the library's grounder on batches of a source.

    Args:
        grounder: The library's.
        precision: float32 or bfloat16.
        next_batch: Returns a batch as a data loader has it.
    """

    def __init__(self, grounder: torch.nn.Module, precision: str, next_batch: Step) -> None:
        wrapper = OptimWrapper if precision == 'float32' else Bf16OptimWrapper
        self.grounder, self.next_batch = grounder, next_batch
        self.optimizer = wrapper(make_optimizer(grounder))

    def __call__(self) -> None:
        """Take a step."""
        self.grounder.train_step(self.next_batch(), self.optimizer)

    def loss(self) -> torch.Tensor:
        """Return the loss of a batch, with gradient."""
        data = self.grounder.data_preprocessor(self.next_batch(), training=True)
        return sum(self.grounder(**data, mode='loss').values())


class PlainStep:
    """The same in plain PyTorch.

    Args:
        plain: With the weights of the library's grounder.
        precision: float32 or bfloat16.
        next_batch: Returns a batch as ``PlainGrounder`` has it.
    """

    def __init__(self, plain: PlainGrounder, precision: str, next_batch: Step) -> None:
        self.plain, self.precision, self.next_batch = plain, precision, next_batch
        self.optimizer = make_optimizer(plain)

    def __call__(self) -> None:
        """Take a step."""
        self.optimizer.zero_grad()
        if self.precision == 'float32':
            loss = self.loss()
        else:
            with autocast(self.plain.mean.device.type, DTYPES[self.precision]):
                loss = self.loss()
        loss.backward()
        self.optimizer.step()

    def loss(self) -> torch.Tensor:
        """Return the loss of a batch, with gradient."""
        return self.plain(self.next_batch())


Steps = dict[str, LibraryStep | PlainStep]


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print and write the table."""
    arguments = parse_arguments(argv)
    where = set_up(arguments.device, arguments.threads)
    if where is None:
        return
    settings = where | {
        'precision': arguments.precision,
        'encoder': arguments.encoder,
        'gemm_gflop_per_sec': round(
            gemm_flops_per_sec(arguments.device, arguments.precision) / 1e9, 1
        ),
        **environment('torch', 'transformers'),
    }
    with tempfile.TemporaryDirectory() as folder:
        if 'store' in arguments.sources:
            write_stores(Path(folder), WIDTHS[arguments.encoder])
        rows = []
        for kept in arguments.kept:
            grounder = build_grounder(arguments.encoder, kept=kept).to(arguments.device)
            for source in arguments.sources:
                batches = partial(SOURCES[source], folder=Path(folder), arguments=arguments)
                if arguments.profile:
                    write_profile(grounder, source, batches, arguments, settings)
                    continue
                check_clips = min(CHECKED_CLIPS, *arguments.clips)
                gaps = check_same(make_steps(grounder, batches(check_clips), 'float32'))
                for clips in arguments.clips:
                    steps = make_steps(grounder, batches(clips), arguments.precision)
                    about = {'source': source, 'clips': clips, 'kept': kept}
                    about['candidates'] = candidates(source, arguments)
                    rows += [
                        about | row | gaps for row in compare(steps, clips, arguments, settings)
                    ]
    if rows:
        record(arguments.out, rows, settings)


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Return the command line's settings."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_device(parser)
    parser.add_argument('--encoder', choices=ENCODERS, default='b32')
    parser.add_argument('--sources', nargs='+', choices=SOURCES, default=tuple(SOURCES))
    parser.add_argument('--ways', nargs='+', choices=('library', 'plain'), help='default: both')
    parser.add_argument('--clips', type=int, nargs='+', help='batch sizes (4; GPU: 64)')
    parser.add_argument('--kept', type=int, nargs='+', help='frames kept of a clip (8; GPU: 16)')
    parser.add_argument('--candidates', type=int, help='pictures a clip (16; GPU: 80)')
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--profile', action='store_true')
    parser.add_argument('--out', type=Path, default=RESULTS / 'training_step.csv')
    arguments = parser.parse_args(argv)
    clips, kept, candidates = SIZES[torch.device(arguments.device).type]
    arguments.clips = arguments.clips or clips
    arguments.kept = arguments.kept or kept
    arguments.candidates = arguments.candidates or candidates
    arguments.ways = arguments.ways or ('library', 'plain')
    return arguments


def compare(steps: Steps, clips: int, arguments: argparse.Namespace, settings: Row) -> list[Row]:
    """Return a row per way: seconds a step, ratio to the library, operations and memory."""
    device = arguments.device
    steps = {way: steps[way] for way in arguments.ways}
    chunk = fit(steps['plain'], clips, device) if 'plain' in steps else ''
    flops = {way: count_flops(step) for way, step in steps.items()}  # warms up too
    rounds = [
        {way: seconds(step, device) for way, step in steps.items()} for _ in range(arguments.rounds)
    ]
    base, rows = arguments.ways[0], []
    for way, step in steps.items():
        step_sec = statistics.median(times[way] for times in rounds)
        ratios = summary([times[way] / times[base] for times in rounds])
        memory = peak_mib(step, device)
        rows.append(
            {
                'way': way,
                'step_sec': f'{step_sec:.4g}',
                'clips_per_sec': f'{clips / step_sec:.4g}',
                **{f'times_{base}_{name}': value for name, value in ratios.items()},
                'gflop': round(flops[way] / 1e9, 1),
                **utilisation(flops[way] / step_sec, arguments, settings),
                'peak_mib': 'not measured' if memory is None else round(memory),
                'plain_chunk': chunk,
            }
        )
    return rows


def utilisation(speed: float, arguments: argparse.Namespace, settings: Row) -> Row:
    """Return operations per second as a share of the device's peaks."""
    peak = data_sheet_flops_per_sec(arguments.device, arguments.precision)
    return {
        'of_gemm_peak': round(speed / 1e9 / float(settings['gemm_gflop_per_sec']), 3),
        'of_data_sheet_peak': 'not known' if peak is None else round(speed / peak, 3),
    }


def candidates(source: str, arguments: argparse.Namespace) -> int:
    """Return how many frames a clip is selected from."""
    return arguments.candidates if source == 'pixels' else STORED_CANDIDATES


def make_steps(grounder: torch.nn.Module, batches: tuple[Step, Step], precision: str) -> Steps:
    """Return both ways to take a step, on the same weights and batches."""
    device = next(grounder.parameters()).device
    plain = PlainGrounder(grounder).to(device).train()
    return {
        'library': LibraryStep(grounder, precision, batches[0]),
        'plain': PlainStep(plain, precision, batches[1]),
    }


def make_optimizer(model: torch.nn.Module) -> torch.optim.Optimizer:
    """Return the config's optimiser over what learns."""
    return torch.optim.AdamW((p for p in model.parameters() if p.requires_grad), lr=1e-4)


def narrations(clips: int) -> list[str]:
    """Return a sentence for each clip."""
    return [NARRATIONS[i % len(NARRATIONS)] for i in range(clips)]


def pixel_batches(clips: int, *, folder: Path, arguments: argparse.Namespace) -> tuple[Step, Step]:
    """Return functions that return a batch of decoded pictures, for the library and for plain."""
    del folder
    stream = torch.Generator().manual_seed(0)
    count, side = arguments.candidates, SIDES[arguments.encoder]
    shape = (min(clips, DISTINCT_CLIPS), count, 3, side, side)
    drawn = torch.randint(0, 256, shape, dtype=torch.uint8, generator=stream)
    pictures = drawn[torch.arange(clips) % len(drawn)]
    if torch.device(arguments.device).type == 'cuda':
        pictures = pictures.pin_memory()
    mask = torch.ones(count, dtype=torch.bool)
    samples = [
        GroundingSample(video_id=f'v{i}', narration=text, frame_mask=mask)
        for i, text in enumerate(narrations(clips))
    ]
    return (
        lambda: {'inputs': {'frames': list(pictures)}, 'data_samples': samples},
        lambda: {'pictures': pictures, 'narrations': narrations(clips)},
    )


def write_stores(root: Path, width: int) -> None:
    """Write the same random features as shards and as ``.npy`` files."""
    generator = np.random.default_rng(0)
    times_sec = np.arange(STORED_SEC * STORED_FPS) / STORED_FPS
    with StoreWriter(root / 'shards', FACTS) as writer:
        for number in range(STORED_VIDEOS):
            shape = (len(times_sec), 1 + 49, width)
            features = generator.standard_normal(shape, np.float32).astype(np.float16)
            write_features(
                writer.path(f'v{number}'),
                times_sec=times_sec,
                frames=features[:, 0],
                patches=features[:, 1:],
                provenance=FACTS,
            )
            writer.add(f'v{number}')
            np.save(root / f'v{number}.npy', features)


def store_batches(clips: int, *, folder: Path, arguments: argparse.Namespace) -> tuple[Step, Step]:
    """Return functions that read a batch of windows, for the library and for plain."""
    del arguments
    load, pack = LoadFeatures(str(folder / 'shards')), PackClip()
    generator, last = np.random.default_rng(1), STORED_SEC * STORED_FPS - STORED_CANDIDATES
    windows = [(int(generator.integers(STORED_VIDEOS)), int(generator.integers(last + 1)))
               for _ in range(clips)]  # fmt: skip
    spoken = narrations(clips)

    def of_library() -> dict[str, object]:
        packed = []
        for (video, first), text in zip(windows, spoken, strict=True):
            times_sec = (first + np.arange(STORED_CANDIDATES)) / STORED_FPS
            clip = {'video_id': f'v{video}', 'narration': text, 'frame_times_sec': times_sec}
            packed.append(pack(load(clip)))
        keys = ('frame_features', 'patch_features')
        inputs = {key: [one['inputs'][key] for one in packed] for key in keys}
        return {'inputs': inputs, 'data_samples': [one['data_samples'] for one in packed]}

    def of_plain() -> dict[str, object]:
        files = [np.load(folder / f'v{video}.npy', mmap_mode='r') for video, _ in windows]
        read = [
            file[first : first + STORED_CANDIDATES]
            for file, (_, first) in zip(files, windows, strict=True)
        ]
        features = torch.from_numpy(np.stack(read))
        return {
            'frame_features': features[:, :, 0],
            'patch_features': features[:, :, 1:],
            'narrations': spoken,
        }

    return of_library, of_plain


SOURCES = {'pixels': pixel_batches, 'store': store_batches}


def check_same(steps: Steps) -> Row:
    """Return how far loss and gradients are from each other, relative.

    Raises:
        RuntimeError: If they are not those of the same model.
    """
    losses, gradients, grounder = [], [], steps['library'].grounder
    for step in steps.values():
        grounder.zero_grad()
        with torch.backends.cudnn.flags(allow_tf32=False):
            loss = step.loss()
            loss.backward()
        losses.append(loss.item())
        learned = [p.grad.flatten() for p in grounder.parameters() if p.grad is not None]
        gradients.append(torch.cat(learned))
    grounder.zero_grad()
    of_loss = abs(losses[0] - losses[1]) / abs(losses[1])
    of_gradients = float((gradients[0] - gradients[1]).norm() / gradients[1].norm())
    if not (of_loss <= LOSS_TOLERANCE and of_gradients <= GRADIENT_TOLERANCE):
        raise RuntimeError(
            f'the steps differ: losses {losses[0]:.6g} and {losses[1]:.6g}, gradients by '
            f'{of_gradients:.2g}; only steps of the same model may be timed'
        )
    return {
        'loss_difference': f'{of_loss:.1e}',
        'gradient_difference': f'{of_gradients:.1e}',
    }


def fit(step: PlainStep, clips: int, device: str) -> int:
    """Halve the videos whose pairs are computed at once until a step fits a GPU's memory."""
    chunk = clips
    while torch.device(device).type == 'cuda':
        try:
            step()
        except torch.OutOfMemoryError:
            if chunk == 1:
                raise
        else:
            return chunk
        chunk = step.plain.chunk = chunk // 2
        step.optimizer.zero_grad()
        torch.cuda.empty_cache()
    return chunk


def write_profile(
    grounder: torch.nn.Module,
    source: str,
    batches: Callable[[int], tuple[Step, Step]],
    arguments: argparse.Namespace,
    settings: Row,
) -> None:
    """Write where the time of the library's step goes: operators by their own time."""
    clips = arguments.clips[0]
    step = make_steps(grounder, batches(clips), arguments.precision)['library']
    step()
    on_gpu = torch.device(arguments.device).type == 'cuda'
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]
    with profile(activities=activities) as found:
        seconds(step, arguments.device)
    own = 'self_device_time_total' if on_gpu else 'self_cpu_time_total'
    events = sorted(found.key_averages(), key=lambda event: -getattr(event, own))
    total = sum(getattr(event, own) for event in events)
    rows: list[Row] = [
        {
            'source': source,
            'clips': clips,
            'kept': grounder.selector.count,
            'candidates': candidates(source, arguments),
            'operator': event.key,
            'calls': event.count,
            'own_ms': round(getattr(event, own) / 1e3, 2),
            'own_share': round(getattr(event, own) / total, 3),
        }
        for event in events[:25]
    ]
    record(arguments.out.with_name(f'profile_step_{source}.csv'), rows, settings)


if __name__ == '__main__':
    main()
