"""Show how right a model's spans are, by the shortest one allowed and the widest gap closed.

    stgr extract ours_tiny
    python tools/choose_spans.py ours_tiny
    python tools/choose_spans.py ours_tiny --split test --min-duration 3 --max-gap 1

Choose on validation videos, write it into the config (``model.localizer``), and only then look at
test. A span is right if its temporal IoU with a true one is at least 0.5.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from pathlib import Path

from mmengine.config import Config

from stgr.apis.build import build_grounder
from stgr.apis.calibration import judge_spans
from stgr.apis.calibration.calibrate import annotated_videos, feature_store_of
from stgr.apis.calibration.questions import MODES, Questions, ask
from stgr.apis.feature_extraction import fill_store
from stgr.apis.grounder import DEFAULT_FPS
from stgr.apis.inferencer import GroundingInferencer
from stgr.apis.model_hub import load_config
from stgr.apis.progress import bar
from stgr.apis.tables import format_table
from stgr.apis.user_errors import run_command
from stgr.datasets.video_dataset import VideoDataset
from stgr.io.feature_store import FeatureStore
from stgr.models.grounders.base_grounder import BaseGrounder

COLUMNS = ('right', 'of answered', 'of true', 'F1')


def main(argv: Sequence[str] | None = None) -> int:
    """Ask, print the table and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('model', help='model name or config file')
    parser.add_argument('--weights', type=Path, metavar='FILE', help='checkpoint of the model')
    parser.add_argument('--split', choices=('val', 'test'), default='val')
    parser.add_argument(
        '--data', type=Path, metavar='DIR', help="the split's folder (the config's)"
    )
    parser.add_argument(
        '--decode', action='store_true', help='read the videos, not the features that are stored'
    )
    for name, default in (('--min-duration', (0, 1, 2, 3, 4)), ('--max-gap', (0, 1, 2, 3))):
        parser.add_argument(name, type=float, nargs='+', default=default, metavar='SEC')
    args = parser.parse_args(argv)
    return run_command(lambda: print(_table(args), end=''))


def _table(args: argparse.Namespace) -> str:
    heads = ['at least', 'gap', *(f'{mode}: {name}' for mode in MODES for name in COLUMNS)]
    return format_table([*heads, 'of what does not happen'], list(_rows(args)))


def _rows(args: argparse.Namespace) -> Iterator[list[str]]:
    config = load_config(args.model)
    videos = annotated_videos(config, f'{args.split}_dataloader', args.data)
    model, facts = build_grounder(args.model, weights=args.weights)
    rate_fps = config.get('ground_fps', DEFAULT_FPS)
    choices = list(product(args.min_duration, args.max_gap))
    with _features(args, config, model, videos, rate_fps) as features:
        for shortest_sec, gap_sec in bar('spans')(choices, len(choices)):
            inferencer = GroundingInferencer(
                model,
                facts,
                rate_fps=rate_fps,
                min_duration_sec=shortest_sec,
                max_gap_sec=gap_sec,
            )
            asked = ask(inferencer, videos, features=features)
            yield [f'{shortest_sec:g} s', f'{gap_sec:g} s', *_cells(asked)]


def _cells(asked: Questions) -> Iterator[str]:
    found = {mode: judge_spans(asked, mode) for mode in MODES}
    for one in found.values():
        yield from (str(one.right), str(one.answered), str(one.true), f'{one.f1:.3f}')
    yield str(found['queries'].elsewhere)


@contextmanager
def _features(
    args: argparse.Namespace,
    config: Config,
    model: BaseGrounder,
    videos: VideoDataset,
    rate_fps: float,
) -> Iterator[Path | None]:
    """Yield the folder of the config's stored features, or of those of the decoded videos."""
    if not args.decode:
        yield feature_store_of(config)
        return
    paths = {name: videos.video(name).get('video_path') for name in videos.video_ids}
    files = [(name, Path(path)) for name, path in paths.items() if path is not None]
    if len(files) < len(paths):
        raise FileNotFoundError(f'{len(paths) - len(files)} of {len(paths)} videos are not there')
    with tempfile.TemporaryDirectory() as folder:
        progress = bar('encoding')
        fill_store(model, files, FeatureStore(folder), rate_fps=rate_fps, progress=progress)
        yield Path(folder)


if __name__ == '__main__':
    sys.exit(main())
