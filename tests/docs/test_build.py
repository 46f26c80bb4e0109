"""The manual becomes HTML without a warning."""

import subprocess
import sys

import pytest
from doc_pages import ROOT


@pytest.mark.slow
def test_manual_is_built_without_warnings(tmp_path):
    pytest.importorskip('sphinx', reason="pip install 'stgr[docs]'")
    options = ['-q', '-W', '--keep-going', '-b', 'html', '-d', tmp_path / 'trees']

    command = [sys.executable, '-m', 'sphinx', *options, ROOT / 'docs', tmp_path / 'html']
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    page = (tmp_path / 'html' / 'zoo.html').read_text()
    assert 'clip_tiny' in page
    assert 'SinkhornSelector' in (tmp_path / 'html' / 'api' / 'models.html').read_text()
