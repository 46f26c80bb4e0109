"""The Python door: name a model, ask about a video."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from stgr.apis.build import build_grounder, find_calibration
from stgr.apis.feature_extraction import Progress
from stgr.apis.inferencer import GroundingInferencer
from stgr.apis.model_hub import load_config
from stgr.structures import GroundingResult, Span

if TYPE_CHECKING:
    from stgr.apis.inferencer import EncodedVideo

DEFAULT_MODEL = 'ours_tiny'
DEFAULT_FPS = 2.0


class Grounder:
    """Says when and where actions happen in a video, or that they do not.

    Example:
        >>> from stgr import Grounder
        >>> grounder = Grounder()
        >>> result = grounder.ground('kitchen.mp4', queries=['crack an egg'])  # doctest: +SKIP
        >>> result.queries[0].spans  # doctest: +SKIP
        >>> grounder.save(result, 'answer')  # doctest: +SKIP

    Args:
        model: Name of a model (``stgr models`` lists them) or path of a config.
        weights: Checkpoint; None for the bundled one.
        device: Where to compute; None for a GPU if there is one.
        rate_fps: Evaluated frames per second; None for the config's ``ground_fps``, or 2.
        min_duration_sec, max_gap_sec, threshold, reader, min_score: See ``GroundingInferencer``.
        calibration: File of ``stgr calibrate``; None for the one beside the weights, if any.

    Raises:
        ValueError: If the model is unknown, the weights or the calibration are damaged or of
            another model, or ``min_score`` is given and nothing is calibrated.
        FileNotFoundError: If weights are needed and none are given, or a file is missing.
    """

    def __init__(
        self,
        model: str | Path = DEFAULT_MODEL,
        *,
        weights: str | Path | None = None,
        device: str | None = None,
        rate_fps: float | None = None,
        min_duration_sec: float = 0.0,
        max_gap_sec: float = 0.0,
        threshold: float | None = None,
        reader: str = 'pyav',
        calibration: str | Path | None = None,
        min_score: float | None = None,
    ) -> None:
        grounder, facts = build_grounder(model, weights=weights, device=device)
        if rate_fps is None:
            rate_fps = load_config(model).get('ground_fps', DEFAULT_FPS)
        self.facts = facts
        self.inferencer = GroundingInferencer(
            grounder,
            facts,
            rate_fps=rate_fps,
            min_duration_sec=min_duration_sec,
            max_gap_sec=max_gap_sec,
            threshold=threshold,
            reader=reader,
            calibration=find_calibration(model, facts, weights=weights, path=calibration),
            min_score=min_score,
        )

    def encode(self, video: str | Path, *, progress: Progress | None = None) -> 'EncodedVideo':
        """Encode a video once, to ask about it many times; a context manager."""
        return self.inferencer.encode(video, progress=progress)

    def ground(
        self,
        video: 'str | Path | EncodedVideo',
        *,
        queries: Sequence[str] = (),
        actions: Sequence[str] = (),
        progress: Progress | None = None,
    ) -> GroundingResult:
        """Answer queries about a video.

        Args:
            video: A file, or what ``encode`` returned.
            queries: Free texts, each judged alone against background.
            actions: A pool of actions that compete: each frame shows at most one of them.
            progress: Wraps the iterator of encoded frames.

        Raises:
            ValueError: If neither or both of ``queries`` and ``actions`` are given, or one is
                empty, over-long or given twice.
            VideoError: If the video cannot be read.
        """
        if bool(queries) == bool(actions):
            given = 'both' if queries else 'neither'
            raise ValueError(f'expected queries or a pool of actions, but got {given}')
        texts, exclusive = (actions, True) if actions else (queries, False)
        if not isinstance(video, str | Path):
            return self.inferencer.ground(video, texts, exclusive=exclusive)
        texts = self.inferencer.check(texts)  # before an hour of encoding
        with self.encode(video, progress=progress) as encoded:
            return self.inferencer.ground(encoded, texts, exclusive=exclusive)

    @staticmethod
    def save(
        result: GroundingResult,
        out_dir: str | Path,
        *,
        truth: Mapping[str, Sequence[Span]] | None = None,
        progress: bool = False,
    ) -> Path:
        """Write ``result.json``, ``overlay.mp4``, ``timeline.png`` and ``report.html``.

        Args:
            result: What ``ground`` returned.
            out_dir: Folder to write to; made if need be.
            truth: True spans by query, to be drawn beside the answers.
            progress: Whether to show a progress bar while the overlay is written.

        Returns:
            The folder.
        """
        from stgr.io.results import save_result
        from stgr.visualization import write_overlay, write_report, write_timeline

        out_dir = Path(out_dir)
        save_result(result, out_dir)
        write_timeline(result, out_dir / 'timeline.png', truth=truth)
        overlay = write_overlay(result, out_dir / 'overlay.mp4', progress=progress)
        write_report(result, out_dir / 'report.html', overlay_path=overlay, truth=truth)
        return out_dir


def find_videos(paths: Sequence[str | Path]) -> Iterator[Path]:
    """Yield video files: those named, and those in the folders named, in order of name.

    In folders, hidden files and the overlays of earlier answers are left out.
    """
    endings = {'.mp4', '.mkv', '.mov', '.avi', '.webm', '.m4v', '.mpg', '.mpeg', '.ts', '.flv'}
    for path in map(Path, paths):
        if path.is_dir():
            files = sorted(p for p in path.rglob('[!.]*') if p.suffix.lower() in endings)
            yield from (file for file in files if not _is_overlay(file))
        else:
            yield path


def _is_overlay(file: Path) -> bool:
    return file.name == 'overlay.mp4' and file.with_name('result.json').exists()
