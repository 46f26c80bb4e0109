"""What nobody could check is not told as safe, and what is known fails."""

import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

_SCRIPT = Path(__file__).resolve().parents[2] / 'tools' / 'audit_dependencies.py'


@pytest.fixture(scope='module')
def script():
    spec = spec_from_file_location('audit_dependencies', _SCRIPT)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _entry(name, *vulnerabilities):
    return {'name': name, 'version': '1.0', 'vulns': list(vulnerabilities)}


def test_nothing_known_is_said_with_how_many_were_checked(script):
    lines, status = script.describe({'dependencies': [_entry('a'), _entry('b')]})

    assert (lines, status) == (['2 packages checked, 0 vulnerabilities known'], 0)


def test_a_known_vulnerability_fails_and_names_what_mends_it(script):
    hole = {'id': 'CVE-1', 'fix_versions': ['1.1', '2.0']}
    open_hole = {'id': 'CVE-2', 'fix_versions': []}

    lines, status = script.describe({'dependencies': [_entry('a', hole), _entry('b', open_hole)]})

    assert status == 1
    assert lines == [
        'a 1.0: CVE-1, mended in 1.1, 2.0',
        'b 1.0: CVE-2, mended in no version yet',
        '2 packages checked, 2 vulnerabilities known',
    ]


def test_packages_without_records_are_not_called_safe(script):
    skipped = [{'name': f'p{i}', 'skip_reason': 'not found'} for i in range(7)]

    lines, status = script.describe({'dependencies': [_entry('a'), *skipped]})

    assert status == 0
    assert lines[-1].startswith('NOT checked')
    assert lines[-1].endswith('7 (p0, p1, p2, p3, p4 ...)')


def test_without_a_report_the_reason_is_given(script, tmp_path, monkeypatch):
    monkeypatch.setattr(script.sys, 'executable', str(tmp_path / 'python'))
    (tmp_path / 'python').write_text('#!/bin/sh\necho no network >&2\nexit 1\n')
    (tmp_path / 'python').chmod(0o755)

    lines, status = script.audit(tmp_path / 'pins.txt')

    assert (lines, status) == (['NOT checked: pip-audit gave no report (no network)'], 0)


def test_it_is_a_command():
    done = subprocess.run(
        [sys.executable, str(_SCRIPT), '--help'], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert 'pinned' in done.stdout
