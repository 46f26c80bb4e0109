"""Fuzz the readers of files from outside with Atheris: ``make fuzz``, or ``tools/fuzz.py pickle``.

A developer's tool, no part of the tests: these feed the same readers (``tests/fuzz_targets.py``)
with Hypothesis. What it finds is left in ``--out`` and belongs into the seeds there, with the
repair.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(_ROOT), str(_ROOT / 'tests')]


def main(argv: Sequence[str] | None = None) -> int:
    """Fuzz one reader after the other, each in a process of its own; return 1 if one failed."""
    args = _parser().parse_args(argv)
    if args.here:
        _fuzz(args.readers[0], args.seconds, args.out)
        return 0
    import fuzz_targets

    names = args.readers or list(fuzz_targets.targets())
    failed = []
    for name in names:
        command = [sys.executable, __file__, name, '--here', '--seconds', str(args.seconds)]
        done = subprocess.run([*command, '--out', str(args.out)], check=False)
        if done.returncode:
            failed.append(name)
    print(f'{len(names) - len(failed)} of {len(names)} readers held; failed: {failed or "none"}')
    return 1 if failed else 0


def _fuzz(name: str, seconds: int, out: Path) -> None:
    """Fuzz one reader; Atheris ends the process at the first finding."""
    import atheris

    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_memory()) as root:
        with atheris.instrument_imports(include=['stgr', 'tarfile', 'csv']):
            import fuzz_targets

            target, folder = fuzz_targets.targets()[name], fuzz_targets.place(Path(root), name)
            target.feed(b'', folder)  # what a reader imports at its first use is watched too
        seeds = Path(root) / 'seeds'
        seeds.mkdir()
        for number, content in enumerate(target.seeds):
            (seeds / str(number)).write_bytes(content)
        limits = [f'-max_total_time={seconds}', '-timeout=20', '-rss_limit_mb=4096']
        found = f'-artifact_prefix={out}/{name}-'
        atheris.Setup(
            [sys.argv[0], str(seeds), *limits, found, '-max_len=8192', '-verbosity=0'],
            lambda content: target.feed(content, folder),
        )
        atheris.Fuzz()


def _memory() -> str | None:
    """Return a folder in memory, where there is one: every input is written to a file."""
    return '/dev/shm' if Path('/dev/shm').is_dir() else None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description='Fuzz the readers of files from outside.')
    parser.add_argument('readers', nargs='*', help='names in tests/fuzz_targets.py (all)')
    parser.add_argument('--seconds', type=int, default=60, help='for each reader')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/fuzz'), help='findings')
    parser.add_argument('--here', action='store_true', help='one reader, in this process')
    return parser


if __name__ == '__main__':
    sys.exit(main())
