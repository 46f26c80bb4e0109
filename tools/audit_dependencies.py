#!/usr/bin/env python
"""Ask pip-audit for known vulnerabilities of pinned versions, and say what nobody could check.

pip-audit itself prints "No known vulnerabilities found" where the index has no records at all.

    python tools/audit_dependencies.py requirements/tested.txt
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

ARGUMENTS = ['--no-deps', '--disable-pip', '--progress-spinner=off', '--format=json']


def describe(report: dict) -> tuple[list[str], int]:
    """Return what pip-audit's report says, a line each, and the exit status.

    Args:
        report: Its JSON: ``dependencies`` with ``name`` and either ``skip_reason`` or ``version``
            and ``vulns`` (``id``, ``fix_versions``).

    Returns:
        The lines, and 1 if a vulnerability is known, else 0.
    """
    checked = [entry for entry in report['dependencies'] if 'skip_reason' not in entry]
    skipped = [entry['name'] for entry in report['dependencies'] if 'skip_reason' in entry]
    lines = []
    for entry in checked:
        for found in entry['vulns']:
            fixed = ', '.join(found['fix_versions']) or 'no version yet'
            lines.append(f'{entry["name"]} {entry["version"]}: {found["id"]}, mended in {fixed}')
    status = 1 if lines else 0
    lines.append(f'{len(checked)} packages checked, {status and len(lines)} vulnerabilities known')
    if skipped:
        named = ', '.join(skipped[:5]) + (' ...' if len(skipped) > 5 else '')
        lines.append(f'NOT checked, the index has no records of them: {len(skipped)} ({named})')
    return lines, status


def audit(requirements: Path) -> tuple[list[str], int]:
    """Run pip-audit on pinned requirements; without a network say so, and fail nothing."""
    command = [sys.executable, '-m', 'pip_audit', *ARGUMENTS, '-r', str(requirements)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        return describe(json.loads(done.stdout))
    except json.JSONDecodeError:
        last = (done.stderr.strip() or 'no message').splitlines()[-1]
        return [f'NOT checked: pip-audit gave no report ({last})'], 0


def main() -> None:
    """Print the report; leave with 1 if a vulnerability is known."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('requirements', type=Path, help='file of pinned versions')
    lines, status = audit(parser.parse_args().requirements)
    print('\n'.join(lines))
    sys.exit(status)


if __name__ == '__main__':
    main()
