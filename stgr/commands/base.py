"""What every command shares."""

import argparse
import sys
from typing import TypeAlias

Commands: TypeAlias = 'argparse._SubParsersAction[argparse.ArgumentParser]'


def say(message: str) -> None:
    """Print a line of the command's answer; of a name, bytes that are no text are escaped."""
    encoding = sys.stdout.encoding or 'utf-8'
    sys.stdout.write(f'{message.encode(encoding, "backslashreplace").decode(encoding)}\n')
    sys.stdout.flush()  # an address must be read while the command runs, in a pipe too
