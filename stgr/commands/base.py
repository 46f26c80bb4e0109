"""What every command shares."""

import argparse
import sys
from typing import TypeAlias

Commands: TypeAlias = 'argparse._SubParsersAction[argparse.ArgumentParser]'


def say(message: str) -> None:
    """Print a line of the command's answer."""
    sys.stdout.write(f'{message}\n')
    sys.stdout.flush()  # an address must be read while the command runs, in a pipe too
