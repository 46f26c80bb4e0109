"""Random windows of stored features: from shards, from a file per video, and from whole files.

A window is 80 frames at 5 per second, as in training; the bytes are those of frames (CLS) of 512
and 49 patches of 512 in float16. All ways read the same windows in turn within each round, from the
page cache, and are checked to return the same numbers; what is compared is processor time.
Run: python benchmarks/feature_store.py [--rounds N] [--videos N]
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from _recording import RESULTS, Row, environment, record, summary

from stgr.io.feature_store import FeatureStore
from stgr.io.feature_writer import write_features
from stgr.io.file_store_writer import FileStoreWriter
from stgr.io.store_writer import StoreWriter

WINDOW = 80  # frames of a clip (Sec. 4.2 of the paper)
CHOSEN = 16  # of them
FRAMES = 600  # of a video: two minutes at 5 per second
PATCHES = 49
WIDTH = 512
FACTS = {
    'reader': 'made',
    'rate_fps': 5,
    'image_size': 224,
    'grid': (7, 7),
    'backbone_sha256': 'made',
}
Window = tuple[str, int]
Read = Callable[[Window], Sequence[torch.Tensor]]


def main() -> None:
    """Write three stores of the same features, time windows from each, and record the ratios."""
    arguments = parse_arguments()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        root = Path(folder)
        write_stores(root, arguments.videos)
        windows = choose_windows(arguments.videos, arguments.windows)
        ways = readers(root)
        rows = compare(ways, windows, rounds=arguments.rounds)
        num_files = {
            'shards': FeatureStore(root / 'shards').num_files(),
            'file per video': FeatureStore(root / 'files').num_files(),
        }
    settings = {
        'videos': arguments.videos,
        'windows': arguments.windows,
        'files_of_shards': num_files['shards'],
        'files_of_videos': num_files['file per video'],
        **environment('torch', 'safetensors', 'numpy'),
    }
    record(arguments.out, rows, settings)


def parse_arguments() -> argparse.Namespace:
    """Return the command line's settings."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--rounds', type=int, default=7)
    parser.add_argument('--videos', type=int, default=16, help='30 MB each, three times')
    parser.add_argument('--windows', type=int, default=32, help='read in each round')
    parser.add_argument('--folder', type=Path, help='of the stores; the temporary folder')
    parser.add_argument('--out', type=Path, default=RESULTS / 'feature_store.csv')
    return parser.parse_args()


def write_stores(root: Path, num_videos: int) -> None:
    """Write the same random features as shards of 256 MB, feature files and ``.npy`` files."""
    generator = np.random.default_rng(0)
    (root / 'npy').mkdir()
    sharded = StoreWriter(root / 'shards', FACTS, shard_bytes=256 << 20)
    with sharded, FileStoreWriter(root / 'files', FACTS) as files:
        for number in range(num_videos):
            bits = generator.integers(0, 15000, (FRAMES, 1 + PATCHES, WIDTH), np.uint16)
            features = bits.view(np.float16)  # all finite
            for writer in (sharded, files):
                write_features(
                    writer.path(f'v{number}'),
                    times_sec=np.arange(FRAMES) / 5,
                    frames=features[:, 0],
                    patches=features[:, 1:],
                    provenance=FACTS,
                )
                writer.add(f'v{number}')
            np.save(root / 'npy' / f'v{number}.npy', features)


def choose_windows(num_videos: int, count: int) -> list[Window]:
    """Return random videos and first frames."""
    generator = np.random.default_rng(1)
    videos = generator.integers(0, num_videos, count)
    return [(f'v{v}', int(generator.integers(0, FRAMES - WINDOW + 1))) for v in videos]


def readers(root: Path) -> dict[str, Read]:
    """Return the ways of reading: the first is ours, then its rivals, then parts of a window."""
    shards, files = FeatureStore(root / 'shards', FACTS), FeatureStore(root / 'files', FACTS)
    chosen = np.arange(0, WINDOW, WINDOW // CHOSEN)

    def whole(store: FeatureStore) -> Read:
        def read(window: Window) -> Sequence[torch.Tensor]:
            block = store.open(window[0]).read(np.arange(WINDOW) + window[1])
            return block.frames, block.patches

        return read

    def parts(store: FeatureStore) -> Read:
        def read(window: Window) -> Sequence[torch.Tensor]:
            features = store.open(window[0])
            frames = features.read(np.arange(WINDOW) + window[1], patches=False).frames
            return frames, features.read_patches(chosen + window[1])

        return read

    def load_whole_file(window: Window) -> Sequence[torch.Tensor]:
        features = np.load(root / 'npy' / f'{window[0]}.npy')
        block = torch.from_numpy(features[window[1] : window[1] + WINDOW].copy())
        return block[:, 0], block[:, 1:]

    def map_file(window: Window) -> Sequence[torch.Tensor]:
        features = np.load(root / 'npy' / f'{window[0]}.npy', mmap_mode='r')
        block = torch.from_numpy(np.array(features[window[1] : window[1] + WINDOW]))
        return block[:, 0], block[:, 1:]

    return {
        'shards': whole(shards),
        'file per video': whole(files),
        'np.load of whole files': load_whole_file,
        'np.load mapped': map_file,
        'shards, patches of 16': parts(shards),
        'file per video, patches of 16': parts(files),
    }


def compare(ways: dict[str, Read], windows: Sequence[Window], *, rounds: int) -> list[Row]:
    """Return the time of each way as a multiple of that of shards, and the bytes it returns."""
    expected = ways['shards'](windows[0])
    for name, read in ways.items():  # also warms up
        frames, patches = read(windows[0])
        part = expected[1][:: WINDOW // len(patches)]
        assert frames.equal(expected[0]), name
        assert patches.equal(part), name
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, read in ways.items():
            seconds[name].append(_seconds(read, windows))
    rows: list[Row] = []
    for name, read in ways.items():
        ratios = [a / b for a, b in zip(seconds[name], seconds['shards'], strict=True)]
        num_bytes = sum(part.numel() * part.element_size() for part in read(windows[0]))
        per_window_ms = 1000 * float(np.median(seconds[name])) / len(windows)
        rows.append(
            {
                'way': name,
                'bytes_per_window': num_bytes,
                'ms_per_window': f'{per_window_ms:.3g}',
                **{f'time_ratio_{key}': value for key, value in summary(ratios).items()},
            }
        )
    return rows


def _seconds(read: Read, windows: Sequence[Window]) -> float:
    """Return the time to read all windows and touch what was read."""
    start = time.process_time()
    for window in windows:
        for part in read(window):
            part.sum()
    return time.process_time() - start


if __name__ == '__main__':
    main()
