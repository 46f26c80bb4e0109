"""The errors of reading and writing videos."""


class VideoError(ValueError):
    """A video cannot be read or written; the message names the file, the cause and the remedy."""


class VideoNotFoundError(VideoError, FileNotFoundError):
    """The file is not there; caught as a ``VideoError`` and as a ``FileNotFoundError`` alike."""

    __str__ = ValueError.__str__  # OSError would print an error number and no message


class DamagedFeaturesError(VideoError):
    """The stored features of a video are damaged: it can be encoded again, others are not hurt."""


def missing_package(package: str, *, purpose: str) -> ImportError:
    """Return the error for an optional package that is not installed: it is the command to run.

    Args:
        package: Name on the package index.
        purpose: What asked for it, for example "reader='decord'".
    """
    return ImportError(f'{purpose} needs {package}; install it with: pip install {package}')
