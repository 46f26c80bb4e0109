"""Systems side by side: intervals, paired differences, refusals, breakdowns."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest

from stgr.apis.evaluation.intervals import statistic_of
from stgr.cli import main


@pytest.fixture
def evaluated(world, tmp_path, capfd):
    """Evaluate rows under a name and return the JSON file."""

    def make(name, rows, *options):
        predictions, out = world.write(rows, f'{name}.jsonl'), tmp_path / f'{name}.json'
        status = main(
            [
                *('evaluate', '--protocol', 'exchange', '--ground-truth', str(world.truth)),
                *('--predictions', str(predictions), '--json', str(out), *options),
            ]
        )
        assert status == 0, capfd.readouterr().err
        capfd.readouterr()
        return str(out)

    return make


@pytest.fixture
def two(world, evaluated):
    """A perfect system, and one that knows one of two videos."""
    return [
        evaluated('full', world.rows('a') + world.rows('b')),
        evaluated('half', world.rows('a')),
    ]


def test_table_has_systems_paired_differences_and_controls(two, capfd):
    key = 'spatial/upsample_first/pointing_acc'

    assert main(['compare', *two, '--format', 'csv', '--score', key]) == 0

    rows = dict(list(csv.reader(io.StringIO(capfd.readouterr().out)))[1:])
    assert rows['full'] == '100.00 [100.00, 100.00]'
    assert rows['half'] == '50.00 [0.00, 100.00]'  # one of two videos is all or nothing
    assert rows['half - full'] == '-50.00 [-100.00, +0.00]'
    assert rows['oracle'] == '100.00'
    assert 'best_constant_box (else as full)' in rows


def test_reports_with_other_settings_or_truth_are_refused(two, world, evaluated, capfd):
    other = evaluated('other', world.rows('a'), '--mask-threshold', '0.5')

    assert main(['compare', two[0], other]) == 1
    assert 'mask_threshold is 0.5, not 0.02' in capfd.readouterr().err
    world.truth.write_text(world.truth.read_text() + ' ')
    assert main(['compare', two[0], evaluated('new', world.rows('a'))]) == 1
    assert 'ground truth files have other checksums' in capfd.readouterr().err


@pytest.mark.parametrize('field', ['versions', 'versions.stgr', 'files.ground_truth'])
def test_a_report_that_lost_a_field_is_one_line(two, capfd, field):
    document = json.loads(Path(two[1]).read_text())
    holder, *parents, key = document, *field.split('.')
    for parent in parents:
        holder = holder[parent]
    del holder[key]
    Path(two[1]).write_text(json.dumps(document))

    assert main(['compare', *two]) == 1

    error = capfd.readouterr().err
    assert error.count('\n') == 1
    assert f'{two[1]}: {field} is missing' in error


def test_breakdowns_have_a_row_per_class_and_video(two, capfd):
    assert main(['compare', *two, '--format', 'csv', '--by', 'class']) == 0
    table = list(csv.reader(io.StringIO(capfd.readouterr().out)))
    assert [row[:3] for row in table[1:]] == [['crack egg', '2', '4'], ['whisk', '2', '6']]
    assert main(['compare', *two, '--format', 'csv', '--by', 'video']) == 0
    table = list(csv.reader(io.StringIO(capfd.readouterr().out)))
    assert [row[:3] for row in table[1:]] == [['a', '100.00', '100.00'], ['b', '100.00', '0.00']]


def test_unknown_names_are_one_line(two, capfd):
    assert main(['compare', *two, '--score', 'frame_map/frame_mAP@0.9']) == 1
    assert 'did you mean' in capfd.readouterr().err
    assert main(['compare', *two, '--by', 'colour']) == 1
    assert main(['compare', *two, '--format', 'word']) == 1


def test_every_headline_score_follows_from_its_videos(world, tmp_path, capfd):
    out = tmp_path / 'random.json'
    main(
        [
            *('evaluate', '--protocol', 'exchange', '--ground-truth', str(world.truth)),
            *('--predictions', str(world.write_npz()), '--json', str(out)),
        ]
    )
    capfd.readouterr()
    document = json.loads(out.read_text())

    for key in document['headline']:
        statistic = statistic_of(document, key)
        group, _, name = key.rpartition('/')
        assert statistic is not None, key
        assert statistic(np.ones((1, 2)))[0] == pytest.approx(document['metrics'][group][name])
