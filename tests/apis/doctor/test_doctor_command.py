"""``stgr doctor``: a table, JSON, a status; a check that fails hides no other."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from stgr.apis import doctor
from stgr.apis.doctor import Finding, run_checks, worst
from stgr.cli import main

_REPOSITORY = Path(__file__).resolve().parents[3]
_GOOD = Finding('egg', 'ok', 'fresh')
_ABSENT = Finding('timm', 'optional', 'not installed', "pip install 'stgr[timm]'")
_POOR = Finding('clock', 'warning', '1970', 'sudo timedatectl set-ntp true')
_BAD = Finding('torch', 'broken', '1.0, needs >=2.6', "pip install 'torch>=2.6'")


def _raise(error):
    raise error


@pytest.mark.parametrize(
    ('level', 'remedy', 'message'),
    [('ok', 'ls', 'ok with remedy'), ('broken', '', 'with remedy'), ('bad', 'ls', 'must be one')],
)
def test_every_problem_and_nothing_else_has_a_remedy(level, remedy, message):
    with pytest.raises(ValueError, match=message):
        Finding('egg', level, 'found', remedy)


def test_findings_stand_in_the_order_of_the_checks():
    checks = [('a', lambda: _GOOD), ('b', lambda: iter([_POOR, _ABSENT])), ('c', lambda: [])]

    assert run_checks(checks) == [_GOOD, _POOR, _ABSENT]


@pytest.mark.parametrize(
    ('error', 'found', 'remedy'),
    [
        (RuntimeError('two\nlines'), 'RuntimeError: two lines', 'STGR_DEBUG=1 stgr doctor'),
        (
            ModuleNotFoundError('no', name='torch.nn'),
            'ModuleNotFoundError: no',
            'pip install torch',
        ),
    ],
)
def test_check_that_fails_is_a_finding_itself(error, found, remedy):
    findings = run_checks([('a', lambda: _raise(error)), ('b', lambda: _GOOD)])

    assert findings == [Finding('a', 'broken', f'cannot be checked: {found}', remedy), _GOOD]


def test_debugging_shows_the_error_of_a_check(monkeypatch):
    monkeypatch.setenv('STGR_DEBUG', '1')

    with pytest.raises(RuntimeError, match='why'):
        run_checks([('a', lambda: _raise(RuntimeError('why')))])


@pytest.mark.parametrize(
    ('findings', 'level'),
    [([], 'ok'), ([_GOOD, _ABSENT], 'optional'), ([_BAD, _POOR, _GOOD], 'broken')],
)
def test_worst_finding_counts(findings, level):
    assert worst(findings) == level


@pytest.mark.parametrize(('extra', 'status'), [((), 0), ((_BAD,), 1)])
@pytest.mark.parametrize('options', [(), ('--json',)])
def test_only_what_is_broken_changes_the_status(options, extra, status, monkeypatch, capfd):
    findings = [_GOOD, _ABSENT, _POOR, *extra]
    monkeypatch.setattr(doctor, 'CHECKS', [('all', lambda: findings)])

    assert main(['doctor', *options]) == status

    said, error = capfd.readouterr()
    assert error == ('error: broken: torch; run what is behind ->\n' if status else '')
    if options:
        assert [Finding(**one) for one in json.loads(said)] == findings
    else:
        assert said.startswith('ok       egg                fresh\n-        timm')
        assert said.count('-> ') == 2 + len(extra)


def test_this_installation_is_not_broken_and_its_readers_read(capfd):
    main(['doctor', '--json'])

    findings = {one['name']: one for one in json.loads(capfd.readouterr().out)}
    assert [one for one in findings.values() if one['level'] == 'broken'] == []
    assert {'python', 'torch', 'reader pyav', 'device cpu', 'weights', 'clock'} <= set(findings)
    assert findings['reader pyav']['found'] == 'decodes a small video'


def test_without_packages_it_still_answers_and_says_which():
    code = (
        'import sys\n'
        'for name in ("torch", "numpy", "mmengine", "transformers", "av", "cv2"):\n'
        '    sys.modules[name] = None\n'
        'from stgr.apis import doctor\n'
        'from stgr.cli import main\n'
        'doctor.CHECKS = [pair for pair in doctor.CHECKS if pair[0] != "video readers"]\n'
        'sys.exit(main(["doctor", "--json"]))\n'
    )
    done = subprocess.run(
        [sys.executable, '-c', code],
        env={**os.environ, 'PYTHONPATH': str(_REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr.startswith('error: broken: ')
    assert done.stderr.count('\n') == 1
    findings = {one['name']: one for one in json.loads(done.stdout)}
    for name in ('torch', 'numpy', 'mmengine', 'transformers', 'av', 'opencv', 'threads'):
        assert findings[name]['level'] == 'broken'
    assert findings['devices']['remedy'] == 'pip install torch'
    assert findings['weights']['remedy'] == 'pip install numpy'
    assert findings['clock']['level'] == 'ok'
