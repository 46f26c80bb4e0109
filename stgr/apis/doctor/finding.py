"""What a check of the installation found."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from stgr.apis.user_errors import DEBUG_VARIABLE

OK, OPTIONAL, WARNING, BROKEN = 'ok', 'optional', 'warning', 'broken'
LEVELS = (OK, OPTIONAL, WARNING, BROKEN)


@dataclass(frozen=True)
class Finding:
    """One line of ``stgr doctor``.

    Attributes:
        name: What was looked at.
        level: 'ok'; 'optional': something is not there that not everybody needs; 'warning': it
            works, but badly or not for everything; 'broken': something required does not work.
        found: What was found.
        remedy: The one command or setting that mends it; empty if all is well.

    Raises:
        ValueError: If the level is unknown, or there is a remedy where all is well or none where
            it is not.
    """

    name: str
    level: str
    found: str
    remedy: str = ''

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise ValueError(f'level must be one of {", ".join(LEVELS)}, but got {self.level!r}')
        if (self.level == OK) == bool(self.remedy):
            raise ValueError(f'{self.name}: {self.level} with remedy {self.remedy!r}')


Check = Callable[[], Finding | Iterable[Finding]]


def run_checks(checks: Iterable[tuple[str, Check]]) -> list[Finding]:
    """Return the findings of all checks; a check that fails itself is a finding.

    With the environment variable ``STGR_DEBUG=1`` its error is raised instead.

    Args:
        checks: Names and functions.
    """
    return [finding for name, check in checks for finding in _run(name, check)]


def _run(name: str, check: Check) -> list[Finding]:
    try:
        found = check()
        return [found] if isinstance(found, Finding) else list(found)
    except Exception as error:  # whatever is broken must not hide the other findings
        if os.environ.get(DEBUG_VARIABLE):
            raise
        what = ' '.join(f'{type(error).__name__}: {error}'.split())
        return [Finding(name, BROKEN, f'cannot be checked: {what}', _remedy(error))]


def _remedy(error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f'pip install {error.name.partition(".")[0]}'
    return f'{DEBUG_VARIABLE}=1 stgr doctor'


def worst(findings: Iterable[Finding]) -> str:
    """Return the highest level of the findings, 'ok' if there are none."""
    return max((finding.level for finding in findings), key=LEVELS.index, default=OK)
