"""The Python door: name a model, ask about a video."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from stgr.apis.build import build_grounder, find_calibration
from stgr.apis.feature_extraction import Progress
from stgr.apis.inferencer import GroundingInferencer
from stgr.apis.methods import resolve_model
from stgr.apis.model_hub import is_pretrained
from stgr.structures import GroundingResult, Span

if TYPE_CHECKING:
    from stgr.apis.encoded_video import EncodedVideo
    from stgr.apis.pretrained import PretrainedModel

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
        model: Name of a model (``stgr models`` lists them), path of a config, folder of
            ``save_pretrained`` or of ``stgr convert``, or ``owner/name`` on the Hugging Face Hub;
            for ``gem`` any image-text model too, see ``resolve_model``. None: the method's default.
        weights: Checkpoint; None for the bundled one, or that of the folder or the hub.
        method: ``trained``, or ``gem``: a public image-text model without training.
        prompts: A file of descriptions, verbs and objects, for ``gem``.
        device: Where to compute; None for a GPU if there is one.
        rate_fps: Evaluated frames per second; None for the config's ``ground_fps``, or 2.
        min_duration_sec, max_gap_sec, threshold, reader, min_score: See ``GroundingInferencer``.
        calibration: File of ``stgr calibrate``; None for the one beside the weights, if any.

    Raises:
        ValueError: If the method or model is unknown, the weights or the calibration are damaged or
            of another model, weights are given for a model that has its own, or ``min_score`` is
            given and nothing is calibrated.
        FileNotFoundError: If weights are needed and none are given, or a file is missing.
    """

    def __init__(
        self,
        model: str | Path | None = None,
        *,
        weights: str | Path | None = None,
        method: str = 'trained',
        prompts: str | Path | None = None,
        device: str | None = None,
        rate_fps: float | None = None,
        min_duration_sec: float | None = None,
        max_gap_sec: float | None = None,
        threshold: float | None = None,
        reader: str = 'pyav',
        calibration: str | Path | None = None,
        min_score: float | None = None,
    ) -> None:
        if method == 'trained' and model is not None and is_pretrained(model):
            from stgr.apis.pretrained import load_pretrained

            _refuse_changes(model, weights, prompts)
            saved = load_pretrained(model, device=device)
            config, grounder, facts = saved.config, saved.model, saved.facts
            fitted = saved.calibration
            if calibration is not None:
                fitted = find_calibration(model, facts, path=calibration)
        else:
            name, config = resolve_model(model, method=method, prompts=prompts)
            grounder, facts = build_grounder(name, weights=weights, device=device, config=config)
            fitted = find_calibration(name, facts, weights=weights, path=calibration)
        if rate_fps is None:
            rate_fps = config.get('ground_fps', DEFAULT_FPS)
        self.facts = facts
        self.config = config
        self.inferencer = GroundingInferencer(
            grounder,
            facts,
            rate_fps=rate_fps,
            min_duration_sec=min_duration_sec,
            max_gap_sec=max_gap_sec,
            threshold=threshold,
            reader=reader,
            calibration=fitted,
            min_score=min_score,
        )

    @classmethod
    def from_pretrained(
        cls,
        repo_or_folder: str | Path,
        *,
        revision: str | None = None,
        token: str | bool | None = None,
        cache_dir: str | Path | None = None,
        local_files_only: bool | None = None,
        device: str | None = None,
        **settings: Any,
    ) -> Self:
        """Return a grounder from a folder of ``save_pretrained`` or from the Hugging Face Hub.

        Nothing of what is downloaded is run: the config is JSON that may name parts of ``stgr`` and
        nothing else, the weights are safetensors.

        Args:
            repo_or_folder: A folder, or ``owner/name`` on the hub.
            revision: Branch, tag or commit on the hub; None for its main branch.
            token: For private models; None for the one that ``hf auth login`` stored.
            cache_dir: Where downloads are kept; None for the usual place.
            local_files_only: True: only what is cached. None: as ``HF_HUB_OFFLINE`` says.
            device: Where to compute; None for a GPU if there is one.
            settings: ``rate_fps``, ``min_duration_sec``, ``max_gap_sec``, ``threshold``,
                ``reader``, ``calibration`` (read with ``load_calibration``; that of the model, if
                it has one, unless given) and ``min_score`` as of ``GroundingInferencer``.

        Raises:
            FileNotFoundError: If there is no such folder, or the model is not cached and the hub
                cannot be reached or does not have it.
            ValueError: If the config names anything but parts of ``stgr``, or the weights are
                damaged or of another model.
            TypeError: If a setting is not known.
        """
        from stgr.apis.pretrained import load_pretrained

        saved = load_pretrained(
            repo_or_folder,
            revision=revision,
            token=token,
            cache_dir=cache_dir,
            local_files_only=local_files_only,
            device=device,
        )
        door = cls.__new__(cls)
        door.facts, door.config = saved.facts, saved.config
        if settings.get('rate_fps') is None:
            settings['rate_fps'] = saved.rate_fps or DEFAULT_FPS
        settings.setdefault('calibration', saved.calibration)
        door.inferencer = GroundingInferencer(saved.model, saved.facts, **settings)
        return door

    def _as_saved(self) -> 'PretrainedModel':
        """Return what ``save_pretrained`` writes."""
        from stgr.apis.pretrained import PretrainedModel

        inferencer = self.inferencer
        return PretrainedModel(
            self.config,
            inferencer.model,
            self.facts,
            inferencer.rate_fps,
            inferencer.judge.calibration,
        )

    def save_pretrained(self, folder: str | Path, **card: Any) -> Path:
        """Write the model to a folder that ``from_pretrained`` reads, and return the folder.

        It gets ``config.json``, ``model.safetensors``, ``README.md``, a model card, and the
        calibration, if there is one.

        Args:
            folder: Made if need be; what is there of these files is replaced.
            card: ``licence``, ``description`` and ``scores`` of ``ModelCard``.

        Raises:
            ValueError: If the model reads files of this machine, or has parts that are not of
                ``stgr``.
        """
        from stgr.apis.pretrained import save_pretrained

        return save_pretrained(self._as_saved(), Path(folder), **card)

    def push_to_hub(
        self,
        repo_id: str,
        *,
        private: bool = False,
        token: str | bool | None = None,
        revision: str | None = None,
        commit_message: str = 'Upload a grounder of stgr',
        **card: Any,
    ) -> str:
        """Upload the model to the Hugging Face Hub and return the address of the commit.

        Args:
            repo_id: ``owner/name``; made if it is not there.
            private: Whether a new repository is private.
            token: With the right to write; None for the one that ``hf auth login`` stored.
            revision: Branch; None for the main one.
            commit_message: What the commit says.
            card: As of ``save_pretrained``.

        Raises:
            ValueError: As ``save_pretrained``, or if ``HF_HUB_OFFLINE`` is set.
            OSError: If the hub cannot be reached or refuses.
        """
        from stgr.apis.pretrained import push_to_hub

        return push_to_hub(
            self._as_saved(),
            repo_id,
            private=private,
            token=token,
            revision=revision,
            commit_message=commit_message,
            **card,
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


def _refuse_changes(
    model: str | Path, weights: str | Path | None, prompts: str | Path | None
) -> None:
    """Raise if weights or prompts are given for a saved model, which has its own."""
    if weights is not None:
        raise ValueError(f'{model} holds weights of its own; give no --weights with it')
    if prompts is not None:
        raise ValueError(f'{model} is a saved model; prompts need --method gem')


def find_videos(paths: Sequence[str | Path]) -> Iterator[Path]:
    """Yield video files: those named, and those in the folders named, in order of name.

    In folders, hidden files, folders called as videos (``egg.mp4/egg.mp4``) and the overlays of
    earlier answers are left out. A file named twice, as by its folder and itself, comes once.
    """
    seen = set()
    for path in map(Path, paths):
        for file in _videos_in(path) if path.is_dir() else [path]:
            place = os.path.normpath(file.absolute())  # links may be several videos
            if place not in seen:
                seen.add(place)
                yield file


def _videos_in(folder: Path) -> Iterator[Path]:
    endings = {'.mp4', '.mkv', '.mov', '.avi', '.webm', '.m4v', '.mpg', '.mpeg', '.ts', '.flv'}
    files = sorted(path for path in folder.rglob('[!.]*') if path.suffix.lower() in endings)
    yield from (file for file in files if not (file.is_dir() or _is_overlay(file)))


def _is_overlay(file: Path) -> bool:
    return file.name == 'overlay.mp4' and file.with_name('result.json').exists()
