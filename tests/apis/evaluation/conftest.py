"""A small ground truth in the exchange layout, and predictions of it."""

import csv
import io
import json

import numpy as np
import pytest

from stgr.cli import main

POOL = ['crack egg', 'whisk', 'background']
LABELS = {1: 'crack egg', 2: 'crack egg', 4: 'whisk', 5: 'whisk', 6: 'whisk'}


def truth_of(num=8, size=(100, 80), **changes):
    frames = {
        str(second): {'box': [10, 20, 50, 60], 'label': label} for second, label in LABELS.items()
    }
    segments = [
        {'start': 1, 'end': 2, 'label': 'crack egg'},
        {'start': 4, 'end': 6, 'label': 'whisk'},
    ]
    video = {'T': num, 'W': size[0], 'H': size[1], 'frames': frames, 'segments': segments}
    return video | {'clips': segments[1:], 'pool': POOL} | changes


def rows_of(video_id, num=8, **changes):
    """Perfect predictions of one video, one line per second."""
    rows = []
    for second in range(num):
        label = LABELS.get(second)
        row = {'video': video_id, 'second': second, 'label': label, 'score': 1 if label else 0}
        if label:
            row |= {'box': [10, 20, 50, 60], 'query_box': [10, 20, 50, 60]}
        rows.append(row | changes)
    return rows


@pytest.fixture
def world(tmp_path):
    """Ground truth of two videos, and a writer of predictions."""

    class World:
        truth = tmp_path / 'gt.json'
        rows = staticmethod(rows_of)
        truth_of = staticmethod(truth_of)

        @staticmethod
        def write(rows, name='p.jsonl'):
            path = tmp_path / name
            path.write_text(''.join(json.dumps(row) + '\n' for row in rows), encoding='utf-8')
            return path

        @staticmethod
        def write_npz(num=8, **changes):
            rng = np.random.default_rng(0)
            found = {}
            for video_id in 'ab':
                found[f'{video_id}|label'] = np.array(rng.choice(POOL, num))
                found[f'{video_id}|score'] = rng.random(num)
                found[f'{video_id}|heat'] = rng.random((num, 3, 4))
                found[f'{video_id}|gtheat'] = rng.random((num, 3, 4))
                found[f'{video_id}|logp'] = -rng.random((num, 3))
            np.savez(tmp_path / 'p.npz', **(found | changes))
            return tmp_path / 'p.npz'

    World.truth.write_text(json.dumps({'videos': {'a': truth_of(), 'b': truth_of()}}))
    return World


@pytest.fixture
def command(tmp_path, capfd):
    """Run ``stgr evaluate`` on files and return its document and what it printed."""

    def run(protocol, truth, predictions, *options, name='system'):
        if isinstance(predictions, list):
            path = tmp_path / f'{name}.jsonl'
            path.write_text(''.join(json.dumps(row) + '\n' for row in predictions))
            predictions = path
        out = tmp_path / f'{name}.json'
        status = main(
            [
                *('evaluate', '--protocol', protocol, '--ground-truth', str(truth)),
                *('--predictions', str(predictions), '--json', str(out), '--name', name),
                *map(str, options),
            ]
        )
        printed = capfd.readouterr()
        if status:
            return printed.err
        return json.loads(out.read_text())

    return run


@pytest.fixture
def compared(tmp_path, capfd):
    """Run ``stgr compare`` on systems that were evaluated and return its rows by name."""

    def run(*names, score):
        files = [str(tmp_path / f'{name}.json') for name in names]
        assert main(['compare', *files, '--format', 'csv', '--score', score]) == 0
        table = list(csv.reader(io.StringIO(capfd.readouterr().out)))
        return {row[0]: row[1] for row in table[1:]}

    return run


def percent(document, group, *keys, control=None):
    """Return scores of a group in per cent, of the system or of a trivial predictor."""
    groups = document['metrics'] if control is None else document['controls'][control]
    return [round(100 * groups[group][key], 6) for key in keys]


@pytest.fixture
def write_json(tmp_path):
    def write(name, content):
        (tmp_path / name).write_text(json.dumps(content))
        return tmp_path / name

    return write
