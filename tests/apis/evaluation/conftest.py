"""A small ground truth in the exchange layout, and predictions of it."""

import json

import numpy as np
import pytest

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
