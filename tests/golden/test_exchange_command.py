"""The whole way: ``stgr evaluate --protocol exchange`` on the worked example."""

import json
import os
from pathlib import Path

import pytest

from stgr.cli import main

pytestmark = pytest.mark.golden
MASKED = ('spatial/', 'video_map/', 'frame_map', 'single_action', 'official')  # 2e-3, else 1e-6


def test_the_command_gives_every_group_key_and_value_of_the_example(tmp_path, capfd):
    root = os.environ.get('STGR_GOLDEN_DIR')
    if not root:
        pytest.skip('set STGR_GOLDEN_DIR to the folder that holds metrics_tiny3')
    folder, out = Path(root) / 'metrics_tiny3', tmp_path / 'out.json'
    truth, predictions = str(folder / 'gt.json'), str(folder / 'pred.npz')

    status = main(
        [
            *('evaluate', '--protocol', 'exchange', '--ground-truth', truth),
            *('--predictions', predictions, '--json', str(out)),
        ]
    )

    assert status == 0, capfd.readouterr().err
    expected = json.loads((folder / 'expected.json').read_text())['metrics']
    actual = json.loads(out.read_text())['metrics']
    assert set(actual) == set(expected)
    for name, group in expected.items():
        tolerance = 2e-3 if name.startswith(MASKED) else 1e-6
        assert set(actual[name]) == set(group), name
        assert actual[name] == pytest.approx(group, abs=tolerance, rel=0), name
