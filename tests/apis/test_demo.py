"""The order of the demo's steps, what a second call does, and the table it prints."""

import json

import pytest

from stgr.apis import demo


@pytest.fixture
def steps(tmp_path, monkeypatch):
    """The demo in an empty folder, its long steps replaced by notes of their names."""
    done = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(demo, 'extract_features', lambda config: done.append(f'encode {config}'))

    def generate(folder, **settings):
        done.append('generate')
        folder.mkdir(parents=True)
        (folder / 'manifest.json').write_text('{}')

    def run(row, work_dir, *, seed, overrides):
        done.append(f'run {row.name}')
        return dict.fromkeys((f'grounding/{key}' for key in demo.COLUMNS), 0.25)

    def ground(out_dir, say):
        done.append('ground')
        return out_dir / 'result'

    monkeypatch.setattr('stgr.datasets.tiny_kitchen.writer.make_tiny_kitchen', generate)
    monkeypatch.setattr(demo, 'run_experiment', run)
    monkeypatch.setattr(demo, '_ground', ground)
    return done


def test_everything_is_done_once_and_the_results_are_named(steps, tmp_path):
    said = []
    demo.run_demo(tmp_path / 'out', fresh=False, say=said.append)

    assert steps == [
        'generate',
        'encode ours_tiny',
        'run trained',
        'run permuted_narrations',
        'run untrained',
        'ground',
    ]
    files = ('result.json', 'overlay.mp4', 'timeline.png', 'report.html')
    assert said[-4:] == [f'  {tmp_path / "out" / "result" / name}' for name in files]


def test_world_is_generated_again_only_if_asked(steps, tmp_path):
    out = tmp_path / 'out'
    for fresh in (False, False, True):
        demo.run_demo(out, fresh=fresh, say=lambda line: None)

    assert steps.count('generate') == 2


def test_fresh_start_throws_away_results_and_world(steps, tmp_path):
    for path in (tmp_path / 'out' / 'runs', demo.WORLD):
        path.mkdir(parents=True)
        (path / 'old').touch()

    demo.run_demo(tmp_path / 'out', fresh=True, say=lambda line: None)

    assert not (tmp_path / 'out' / 'runs').exists()
    assert [path.name for path in demo.WORLD.iterdir()] == ['manifest.json']


def test_table_has_rows_of_the_model_its_controls_and_bounds_in_per_cent():
    trained = dict.fromkeys((f'grounding/{key}' for key in demo.COLUMNS), 0.25)
    trained |= dict.fromkeys((f'grounding/chance/{key}' for key in demo.COLUMNS), 0.125)
    trained |= dict.fromkeys((f'grounding/oracle/{key}' for key in demo.COLUMNS), 1.0)
    lines = demo.score_table({'trained': trained, 'untrained': {}})

    cells = [line.split() for line in lines]
    assert cells[1:] == [
        ['trained', '25.0', '25.0', '25.0'],
        ['untrained', 'nan', 'nan', 'nan'],
        ['chance', '12.5', '12.5', '12.5'],
        ['oracle', '100.0', '100.0', '100.0'],
    ]


def test_query_of_the_demo_happens_in_the_shortest_test_video(tmp_path, monkeypatch):
    asked = []

    class Remembering:
        def __init__(self, config, weights):
            self.weights = weights

        def ground(self, video, *, queries, progress):
            asked.append((self.weights.name, video.name, queries))
            return type('Result', (), {'queries': ()})

        def save(self, result, folder, *, truth, progress):
            asked.append(
                {query: [(s.start_sec, s.end_sec) for s in truth[query]] for query in truth}
            )

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(demo, 'Grounder', Remembering)
    runs = tmp_path / 'out' / 'runs' / 'trained' / 'seed_0'
    for folder in (demo.WORLD / 'test', runs):
        folder.mkdir(parents=True)
    (runs / 'epoch_16.pth').touch()
    segments = {
        'long': [{'segment': [2, 90], 'sentence': 'stir_egg'}],
        'short': [
            {'segment': [3, 5], 'sentence': 'crack_egg'},
            {'segment': [8, 9], 'sentence': 'chop_fish'},
            {'segment': [20, 24], 'sentence': 'crack_egg'},
        ],
    }
    (demo.WORLD / 'test' / 'seg.json').write_text(json.dumps(segments))

    demo._ground(tmp_path / 'out', say=lambda line: None)

    assert asked == [
        ('epoch_16.pth', 'short.mp4', ['crack egg', demo.ABSENT_QUERY]),
        {'crack egg': [(3, 6), (20, 25)], demo.ABSENT_QUERY: []},
    ]
