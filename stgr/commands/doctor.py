"""``stgr doctor``: what is wrong with this installation, and what mends it."""

import argparse

from stgr.commands.base import Commands, say

_MARKS = {'ok': 'ok', 'optional': '-', 'warning': 'WARNING', 'broken': 'BROKEN'}


def add_to(commands: Commands) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser('doctor', help='check the installation and the machine')
    parser.add_argument('--json', action='store_true', help='findings as JSON')
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> None:
    import json
    from dataclasses import asdict

    from stgr.apis.doctor import CHECKS, run_checks
    from stgr.apis.doctor.finding import BROKEN

    findings = run_checks(CHECKS)
    if args.json:
        say(json.dumps([asdict(finding) for finding in findings], indent=1))
    else:
        for finding in findings:
            say(f'{_MARKS[finding.level]:8} {finding.name:18} {finding.found}')
            if finding.remedy:
                say(f'{"":27} -> {finding.remedy}')
    broken = [finding.name for finding in findings if finding.level == BROKEN]
    if broken:
        raise OSError(f'broken: {", ".join(broken)}; run what is behind ->')
