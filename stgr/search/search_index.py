"""The index, open: texts in, moments out."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from stgr.apis.grounder import Grounder
from stgr.io.closing import Closing
from stgr.io.errors import VideoError
from stgr.search.answers import Moment, SearchAnswer
from stgr.search.library import look_at
from stgr.search.manifest import Manifest, load_manifest
from stgr.search.moments import FrameRun, find_moments
from stgr.search.neighbours import ApproximateFrames, open_approximate
from stgr.search.vectors import VectorFile

if TYPE_CHECKING:
    from torch import Tensor

    from stgr.apis.feature_extraction import Progress

FIRST_FRAMES = 100
"""Frames that are looked for first; four times as many where they hold too few moments."""
MOST_FRAMES = 100 << 10
TEXTS_PER_PASS = 64


class SearchIndex(Closing):
    """An index that was made by ``build_index``, and the model that made it.

    Example:
        >>> with SearchIndex.open('stgr_index') as index:  # doctest: +SKIP
        ...     for answer in index.search(['pour batter', 'crack an egg'], top=5):
        ...         for moment in answer.moments:
        ...             print(moment.video, moment.start_sec, moment.score, moment.place)

    Open it with ``SearchIndex.open``.

    Attributes:
        folder: Where it lies.
        manifest: What it is of.
        grounder: The model.
    """

    def __init__(
        self,
        folder: Path,
        manifest: Manifest,
        vectors: VectorFile,
        approximate: ApproximateFrames | None,
        grounder: Grounder,
    ) -> None:
        self.folder = folder
        self.manifest = manifest
        self.grounder = grounder
        self._vectors = vectors
        self._frames: VectorFile | ApproximateFrames = approximate or vectors
        counts = [video.num_frames for video in manifest.videos]
        self._starts = np.cumsum([0, *counts])

    @classmethod
    def open(
        cls,
        folder: str | Path,
        *,
        grounder: Grounder | None = None,
        model: str | Path | None = None,
        weights: str | Path | None = None,
        device: str | None = None,
        rate_fps: float | None = None,
        verify: bool = True,
    ) -> Self:
        """Open an index.

        Args:
            folder: Where it lies.
            grounder: The model, if it is loaded already; None: it is loaded, as the index names it.
            model: Name or config path of the model; None: that of the index.
            weights: Its checkpoint; None: that of the index, with ``model`` the bundled one.
            device: Where to compute; None for a GPU if there is one.
            rate_fps: Of the frames that are looked at around a moment, as of ``Grounder``; that of
                the index is its own.
            verify: Whether to compare the files with their checksums: a second per gigabyte.

        Raises:
            FileNotFoundError: If there is no index, or a file of it or of the model is gone.
            ValueError: If it is damaged, of another version or of another model.
            ImportError: If it needs FAISS, which is not installed.
        """
        from stgr.search.origin import model_origin

        folder = Path(folder)
        manifest, vectors, approximate = _opened(folder, verify=verify)
        if grounder is None:
            grounder = Grounder(
                manifest.model if model is None else model,
                weights=manifest.weights if weights is None and model is None else weights,
                device=device,
                rate_fps=rate_fps,
                reader=manifest.reader,
            )
        origin = model_origin(
            grounder.inferencer.model,
            grounder.facts,
            rate_fps=manifest.rate_fps,
            reader=manifest.reader,
        )
        manifest.check_origin(
            origin, folder, 'search with that model, or index again with this one and --fresh'
        )
        return cls(folder, manifest, vectors, approximate, grounder)

    def search(
        self,
        queries: Sequence[str],
        *,
        top: int = 10,
        threshold: float | None = None,
        everything: bool = False,
        places: bool = True,
        progress: 'Progress | None' = None,
    ) -> list[SearchAnswer]:
        """Return the best moments of each query.

        Frames that are like the query are looked up, the scores of their videos computed exactly,
        and frames that reach the threshold joined to moments. Only the moments that are returned
        are decoded.

        Args:
            queries: Free texts, each judged alone against background.
            top: Most moments of a query.
            threshold: Cosine from which a frame counts; None for the model's calibrated one.
            everything: Return the best moments even if they are below the threshold.
            places: Whether to tell where, with finer edges and a thumbnail: a second or so each.
            progress: Wraps the iterator of moments that are decoded, given with their number.

        Returns:
            One answer per query, in their order.

        Raises:
            ValueError: If a query is empty, over-long, given twice or unknown to the model, or a
                number is out of range.
        """
        if top < 1:
            raise ValueError(f'top must be at least 1, but got {top}')
        inferencer = self.grounder.inferencer
        settled = inferencer.settings(exclusive=False)['threshold']
        level = float(settled or 0.0) if threshold is None else threshold
        texts, vectors = self._embed(queries)
        answers = [
            self._answer(text, vector, top, level, everything=everything)
            for text, vector in zip(texts, vectors, strict=True)
        ]
        return self._with_places(answers, progress) if places else answers

    def close(self) -> None:
        """Let go of the files."""
        del self._frames, self._vectors

    def _embed(self, queries: Sequence[str]) -> 'tuple[list[str], Tensor]':
        """Return checked queries and their vectors of length 1, (Q, D) float32 on the CPU."""
        import torch
        import torch.nn.functional as F

        texts, features = self.grounder.inferencer.understand(queries)
        with torch.no_grad():
            vectors = self.grounder.inferencer.model.embed_queries(features)
        return texts, F.normalize(vectors.float(), dim=-1).cpu()

    def _answer(
        self, query: str, vector: 'Tensor', top: int, level: float, *, everything: bool
    ) -> SearchAnswer:
        """Look for more and more frames until they hold enough moments."""
        count = min(max(FIRST_FRAMES, top), self._vectors.rows)
        known: dict[int, tuple[float, list[FrameRun]]] = {}
        while True:
            rows, scores = (part[0].numpy() for part in self._frames.top(vector[None], count))
            for video in self._videos_of(rows[rows >= 0]):
                if video not in known:
                    known[video] = self._runs_of(video, vector, level, everything=everything)
            # Moments whose peak is below the last frame may have rivals that were not looked at.
            least = min(scores[rows >= 0].tolist(), default=-1.0)
            sure = sum(run.score >= least for _, runs in known.values() for run in runs)
            enough = sure >= top or (least < level and not everything)
            if enough or count >= min(self._vectors.rows, MOST_FRAMES):
                break
            count = min(4 * count, self._vectors.rows, MOST_FRAMES)
        moments = sorted(
            (self._moment(video, run) for video, (_, runs) in known.items() for run in runs[:top]),
            key=lambda moment: (-moment.score, moment.video, moment.start_sec),
        )
        best = max((score for score, _ in known.values()), default=-1.0)
        return SearchAnswer(query, best >= level, level, best, tuple(moments[:top]))

    def _videos_of(self, rows: np.ndarray) -> list[int]:
        """Return the numbers of the videos of some frames."""
        videos: list[int] = np.unique(np.searchsorted(self._starts, rows, 'right') - 1).tolist()
        return videos

    def _runs_of(
        self, video: int, vector: 'Tensor', level: float, *, everything: bool
    ) -> tuple[float, list[FrameRun]]:
        """Return the highest score of a video's frames, and its moments."""
        start, stop = int(self._starts[video]), int(self._starts[video + 1])
        scores = self._vectors.scores(vector[None], start, stop)[0].numpy()
        runs = find_moments(scores, self.manifest.rate_fps, level, everything=everything)
        return float(scores.max()), runs

    def _moment(self, video: int, run: FrameRun) -> Moment:
        path = self.manifest.videos[video].path
        return Moment(path, Path(self.manifest.root) / path, **vars(run))

    def _with_places(
        self, answers: list[SearchAnswer], progress: 'Progress | None'
    ) -> list[SearchAnswer]:
        jobs: list[tuple[int, Moment]] = [
            (i, moment) for i, answer in enumerate(answers) for moment in answer.moments
        ]
        grounded: list[list[Moment]] = [[] for _ in answers]
        steps: Iterable[Any] = jobs if progress is None else progress(jobs, len(jobs))
        for i, moment in steps:
            grounded[i].append(self._grounded(answers[i], moment))
        return [
            replace(answer, moments=tuple(moments))
            for answer, moments in zip(answers, grounded, strict=True)
        ]

    def _grounded(self, answer: SearchAnswer, moment: Moment) -> Moment:
        """Return a moment with its place, or with a note why there is none."""
        from stgr.search.places import ground_moment

        indexed = next(v for v in self.manifest.videos if v.path == moment.video)
        try:
            now = look_at(Path(self.manifest.root), moment.video)
        except OSError:
            return replace(moment, note='gone since it was indexed; run stgr index again')
        if now.key != indexed.key:
            return replace(moment, note='changed since it was indexed; run stgr index again')
        try:
            return ground_moment(self.grounder.inferencer, answer.query, moment, answer.threshold)
        except VideoError as error:
            return replace(moment, note=str(error))


def _opened(folder: Path, *, verify: bool) -> tuple[Manifest, VectorFile, ApproximateFrames | None]:
    """Open the files of an index; once more if it was replaced meanwhile."""
    manifest = load_manifest(folder)
    try:
        return _open_files(folder, manifest, verify=verify)
    except FileNotFoundError:
        newer = load_manifest(folder)
        if newer.files == manifest.files:
            raise
        return _open_files(folder, newer, verify=verify)


def _open_files(
    folder: Path, manifest: Manifest, *, verify: bool
) -> tuple[Manifest, VectorFile, ApproximateFrames | None]:
    if verify:
        for file in manifest.files:
            file.check(folder)
    vectors = VectorFile(folder / manifest.vectors.name)
    if vectors.rows != manifest.num_frames:
        raise ValueError(
            f'{folder}: damaged index ({vectors.rows} vectors for {manifest.num_frames} frames); '
            'make it again with stgr index'
        )
    if manifest.graph is None:
        return manifest, vectors, None
    path, effort = folder / manifest.graph.name, manifest.effort or 1
    return manifest, vectors, open_approximate(manifest.kind, path, effort)
