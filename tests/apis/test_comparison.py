import json

import pytest

from stgr.apis import comparison
from stgr.apis.experiment import Experiment


@pytest.fixture
def scored(tmp_path, monkeypatch):
    """Two rows, two seeds, three videos, scored without any run."""
    values = {('ours', 0): 0.5, ('ours', 1): 0.7, ('other', 0): 0.2, ('other', 1): 0.2}

    def run(row, work_dir, *, seed, overrides):
        folder = work_dir / row.name / f'seed_{seed}'
        folder.mkdir(parents=True)
        value = values[row.name, seed]
        videos = {name: {comparison.PAIRED: value} for name in 'abc'}
        (folder / 'per_video.json').write_text(json.dumps({'videos': {'system': videos}}))
        keys = [f'grounding/{key}' for key in comparison.COLUMNS]
        controls = [f'grounding/{c}/{k}' for c in comparison.MODEL_FREE for k in comparison.COLUMNS]
        groups = {
            'grounding/groups/static/label_acc_best': value / 2,
            'grounding/groups/static/pointing_acc': value / 5,
            'grounding/groups/static/frame_ceiling': 0.9,
        }
        return dict.fromkeys(keys, value) | dict.fromkeys(controls, 0.1) | groups

    monkeypatch.setattr(comparison, 'run_experiment', run)
    rows = [Experiment('ours', 'x.py'), Experiment('other', 'y.py')]
    return comparison.compare(rows, tmp_path, seeds=[0, 1]).splitlines(), tmp_path


def test_a_row_has_mean_and_sample_deviation_over_seeds(scored):
    lines, _ = scored
    assert lines[2].startswith('| ours | 60.0 ± 14.1 | ')  # 50 and 70: sqrt(200) = 14.14


def test_differences_are_against_the_first_row(scored):
    lines, _ = scored
    assert lines[3].endswith('| -40.0 [-40.0, -40.0] |')  # 20 against 60 in every video


def test_controls_without_a_model_close_the_table(scored):
    lines, folder = scored
    assert [line.split(' | ')[0] for line in lines[4:7]] == [
        '| chance (no model)',
        '| labels of row 1, centre',
        '| oracle (no model)',
    ]
    assert (folder / 'table.md').exists()
    assert (folder / 'table.csv').exists()


def test_groups_of_classes_have_a_table_with_the_ceiling_of_single_frames(scored):
    lines, _ = scored
    assert lines[8:] == [
        '|  | what: static | where: static |',
        '| --- | --- | --- |',
        '| ours | 30.0 ± 7.1 | 12.0 ± 2.8 |',  # halves and fifths of 50 and 70
        '| other | 10.0 ± 0.0 | 4.0 ± 0.0 |',
        '| ceiling of single frames | 90.0 |  |',
        '',
        'Per cent, mean ± standard deviation over 2 seeds.',
    ]


@pytest.mark.parametrize(
    ('configs', 'seeds', 'said'),
    [
        (['a/mine.py', 'b/mine.py'], [0], r"'mine' \(a/mine\.py and b/mine\.py\)"),
        (['a/mine.py'], [], 'at least 1 seed'),
    ],
)
def test_what_can_have_no_table_is_refused_before_anything_is_run(
    configs, seeds, said, tmp_path, monkeypatch
):
    monkeypatch.setattr(comparison, 'run_experiment', lambda *_, **__: pytest.fail('it was run'))

    with pytest.raises(ValueError, match=said):
        comparison.compare([Experiment('mine', c) for c in configs], tmp_path, seeds=seeds)
