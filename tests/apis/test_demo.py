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

    def generate(folder, *, n_videos, seed, **_):
        done.append('generate')
        folder.mkdir(parents=True, exist_ok=True)
        (folder / 'settings.json').write_text(json.dumps({'seed': seed, 'videos': n_videos}))

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
        'run permuted',
        'run untrained',
        'ground',
    ]
    files = ('result.json', 'overlay.mp4', 'timeline.png', 'report.html')
    assert said[-4:] == [f'  {tmp_path / "out" / "result" / name}' for name in files]


def test_world_is_completed_each_time(steps, tmp_path):
    for _ in range(2):
        demo.run_demo(tmp_path / 'out', fresh=False, say=lambda line: None)

    assert steps.count('generate') == 2  # it keeps what is there


def test_missing_annotation_file_of_the_world_is_written_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(demo, 'N_VIDEOS', 4)
    monkeypatch.setattr('os.cpu_count', lambda: 1)
    monkeypatch.setattr(
        'stgr.datasets.tiny_kitchen.writer.write_one_video', lambda _, path: path.touch() or []
    )
    demo._make_world()
    before = {path: path.read_bytes() for path in demo.WORLD.rglob('*.json')}
    (demo.WORLD / 'groups.json').unlink()

    demo._make_world()

    assert {path: path.read_bytes() for path in demo.WORLD.rglob('*.json')} == before


def put(*files):
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text('{}')


def test_fresh_start_throws_away_results_and_world_and_nothing_else(steps, tmp_path):
    out = tmp_path / 'out'
    put(out / 'runs' / 'old', out / 'result' / 'old', out / 'thesis.tex', demo.WORLD / 'old')
    (demo.WORLD / 'settings.json').write_text('{"version": 0, "seed": 0, "videos": 200}')

    demo.run_demo(out, fresh=True, say=lambda line: None)

    assert [path.name for path in out.iterdir()] == ['thesis.tex']
    assert [path.name for path in demo.WORLD.iterdir()] == ['settings.json']


def test_fresh_start_needs_nothing_to_throw_away(steps, tmp_path):
    demo.run_demo(tmp_path / 'out', fresh=True, say=lambda line: None)

    assert steps[0] == 'generate'


@pytest.mark.parametrize(
    'settings', [None, '{', '[]', '{"seed": 1, "videos": 200}', '{"seed": 0, "videos": 400}']
)
def test_fresh_start_refuses_to_delete_another_world(settings, steps, tmp_path):
    put(tmp_path / 'out' / 'runs' / 'old', demo.WORLD / 'manifest.json')
    if settings is not None:
        (demo.WORLD / 'settings.json').write_text(settings)

    with pytest.raises(ValueError, match='is not the world of the demo') as caught:
        demo.run_demo(tmp_path / 'out', fresh=True, say=lambda line: None)

    assert '\n' not in str(caught.value)
    assert steps == []
    assert (tmp_path / 'out' / 'runs' / 'old').exists()
    assert (demo.WORLD / 'manifest.json').exists()


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
    (runs / 'epoch_8.pth').touch()
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
        ('epoch_8.pth', 'short.mp4', ['crack egg', demo.ABSENT_QUERY]),
        {'crack egg': [(3, 6), (20, 25)], demo.ABSENT_QUERY: []},
    ]
