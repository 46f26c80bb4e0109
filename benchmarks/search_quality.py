"""How often the best moment of a library is the right one, against chance and an untrained model.

The bundled model searches TinyKitchen's test videos, or a world of another seed that is generated
first, for the names of all 120 actions. A moment is right if its peak lies in a true segment of the
action; chance is the share of seconds that do. The untrained model is the same with a global head
of random numbers. Of moments that are right, the point is right if it lies in the true box of its
second, and chance is the share of the frame in that box. What is found though it never occurs: the
names that no indexed video shows, and things that no kitchen shows.

Run: python benchmarks/search_quality.py [--data TINY_KITCHEN]
"""

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from _recording import RESULTS, environment, record
from safetensors.torch import load_file, save_file

from stgr.apis.model_hub import find_model
from stgr.datasets.tiny_kitchen.writer import make_tiny_kitchen
from stgr.search import Moment, SearchAnswer, SearchIndex, build_index

ELSEWHERE = (
    'ride a bike', 'a red car on a road', 'paint the wall', 'play the guitar', 'walk the dog',
    'kick a ball', 'a snowy mountain', 'open the door', 'a man in a suit', 'swim in the sea',
)  # fmt: skip
Row = dict[str, object]


class Truth:
    """What happens in the videos of a folder, and where.

    Args:
        root: A folder of TinyKitchen, or one of its splits.
    """

    def __init__(self, root: Path) -> None:
        self.spans: dict[str, list[tuple[str, float, float]]] = {}
        self.boxes: dict[tuple[str, int, str], list[float]] = {}
        self.seconds = 0.0
        for file in sorted(root.rglob('seg.json')):
            for video, segments in json.loads(file.read_text()).items():
                for one in segments:
                    name, (start, end) = one['sentence'].replace('_', ' '), one['segment']
                    self.spans.setdefault(name, []).append((video, start, end))
            for video, boxes in json.loads(file.with_name('box_anno.json').read_text()).items():
                for one in boxes:
                    self.boxes[video, one['second'], one['step_name']] = one['box']

    def is_right(self, name: str, moment: Moment) -> bool:
        """Return whether a moment's peak lies in a segment of an action."""
        video = Path(moment.video).stem
        return any(
            video == other and start <= moment.peak_sec <= end
            for other, start, end in self.spans.get(name, [])
        )

    def chance(self, name: str, num_seconds: int) -> float:
        """Return the share of seconds in which an action happens."""
        return sum(end - start + 1 for _, start, end in self.spans.get(name, [])) / num_seconds


def top_moments(truth: Truth, answers: Sequence[SearchAnswer], system: str) -> list[Row]:
    """Return how many of the best moments are right."""
    first = [truth.is_right(a.query, a.moments[0]) for a in answers]
    five = [truth.is_right(a.query, m) for a in answers for m in a.moments[:5]]
    return [
        row(system, 'right: best moment', np.mean(first), len(first)),
        row(system, 'right: best five moments', np.mean(five), len(five)),
    ]


def points(truth: Truth, answers: Sequence[SearchAnswer]) -> list[Row]:
    """Return how many points of right moments lie in their true boxes."""
    hits, chances = [], []
    for answer in answers:
        for moment in answer.moments:
            place = moment.place
            key = place and (Path(moment.video).stem, int(place.time_sec), answer.query)
            if key not in truth.boxes:
                continue
            (x1, y1, x2, y2), (x, y) = truth.boxes[key], place.point_px
            hits.append(x1 <= x <= x2 and y1 <= y <= y2)
            chances.append((x2 - x1) * (y2 - y1) / np.prod(place.frame_size))
    return [
        row('ours_tiny', 'point in the true box, right moments', np.mean(hits), len(hits)),
        row('chance', 'point in the true box, right moments', np.mean(chances), len(chances)),
    ]


def untrained(path: Path) -> Path:
    """Write the bundled weights with a global head of random numbers."""
    state = load_file(str(find_model('ours_tiny').weights))
    generator = torch.Generator().manual_seed(0)
    for name, tensor in state.items():
        if name.startswith('global_head.'):
            state[name] = torch.randn(tensor.shape, generator=generator) / tensor.shape[-1] ** 0.5
    save_file(state, path)
    return path


def row(system: str, measure: str, value: float, count: int) -> Row:
    """Return a row of the table."""
    return {'system': system, 'measure': measure, 'share': f'{value:.3f}', 'of': count}


def measure(root: Path, folder: Path) -> list[Row]:
    """Return all rows for the videos of a folder."""
    truth = Truth(root)
    names = [f'{verb} {noun}' for verb, noun in action_names()]
    present = [name for name in names if name in truth.spans]
    absent = [name for name in names if name not in truth.spans]
    manifest = build_index(root, folder / 'index', device='cpu').manifest
    with SearchIndex.open(folder / 'index', device='cpu') as index:
        answers = index.search(present, top=5, everything=True, places=False)
        rows = top_moments(truth, answers, 'ours_tiny')
        placed = index.search(present, top=1)
        rows += points(truth, placed)
        rows.append(found('actions that occur', answers))
        for what, texts in (('actions that do not occur', absent), ('other things', ELSEWHERE)):
            if texts:
                rows.append(found(what, index.search(texts, places=False)))
    chance = [truth.chance(name, manifest.num_frames) for name in present]
    rows.append(row('chance', 'right: best moment', np.mean(chance), len(chance)))
    weights = untrained(folder / 'untrained.safetensors')
    build_index(root, folder / 'index', weights=weights, device='cpu', fresh=True)
    with SearchIndex.open(folder / 'index', device='cpu') as index:
        answers = index.search(present, top=5, everything=True, places=False)
        rows += top_moments(truth, answers, 'untrained head')
    return rows


def found(what: str, answers: Sequence[SearchAnswer]) -> Row:
    """Return how many texts reach the model's threshold somewhere in the library."""
    share = np.mean([answer.found for answer in answers])
    return row('ours_tiny', f'found: {what}', share, len(answers))


def action_names() -> list[tuple[str, str]]:
    """Return verb and noun of all actions."""
    from stgr.datasets.tiny_kitchen.writer import class_groups

    groups = class_groups()['groups']
    return sorted(tuple(name.split(' ', 1)) for name in groups['seen'] + groups['held-out'])


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--data', type=Path, metavar='TINY_KITCHEN', help='its test videos')
    parser.add_argument('--videos', type=int, default=12, help='to generate without --data')
    parser.add_argument('--out', type=Path, default=RESULTS / 'search_quality.csv')
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if arguments.data is None:  # another seed shares no video with the training data
            make_tiny_kitchen(folder / 'world', n_videos=arguments.videos, seed=7)
        root = folder / 'world' if arguments.data is None else arguments.data / 'test'
        rows = measure(root, folder)
    data = f'{arguments.videos} generated videos' if arguments.data is None else '40 test videos'
    record(arguments.out, rows, {'data': data} | environment('torch', 'numpy'))


if __name__ == '__main__':
    main()
