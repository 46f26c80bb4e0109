"""Searching an index from the page."""

import base64
import io
import shutil
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from secrets import token_urlsafe
from typing import TYPE_CHECKING

from stgr.demo_page.desk import GoneError
from stgr.demo_page.videos import Progress
from stgr.demo_page.view import Json
from stgr.search.answer_files import write_answers
from stgr.visualization.common import format_clock

if TYPE_CHECKING:
    import numpy as np

    from stgr.search import Moment, SearchAnswer, SearchIndex

MOST_MOMENTS = 2000  # moments that can still be opened
MOST_SEARCHES = 16  # searches whose file is kept


class LibrarySearch:
    """Searches an index and remembers what was found, so that it can be opened.

    Args:
        index: What is searched.
        folder: For files of the answers; emptied by whoever made it.
    """

    def __init__(self, index: 'SearchIndex', folder: Path) -> None:
        self.index = index
        self.folder = folder
        self._moments: OrderedDict[str, Moment] = OrderedDict()
        self._searches: list[Path] = []

    def search(
        self,
        queries: Sequence[str],
        *,
        top: int,
        everything: bool,
        progress: Progress | None = None,
    ) -> tuple[Json, Path]:
        """Return what the page shows of the best moments, and a file of the same.

        Args:
            queries: Free texts.
            top: Most moments of a query.
            everything: Whether moments below the threshold are shown too.
            progress: Wraps the iterator of moments that are decoded.

        Raises:
            ValueError: If a query is empty, over-long, given twice or unknown to the model.
        """
        answers = self.index.search(queries, top=top, everything=everything, progress=progress)
        return {'answers': [self._view(answer) for answer in answers]}, self._file(answers)

    def moment(self, key: str) -> 'Moment':
        """Return a moment that was shown.

        Raises:
            GoneError: If it is not kept any more.
        """
        try:
            return self._moments[key]
        except KeyError:
            raise GoneError('this moment is not kept any more; search again') from None

    def _view(self, answer: 'SearchAnswer') -> Json:
        return {
            'query': answer.query,
            'summary': _summary(answer),
            'moments': [self._view_moment(moment) for moment in answer.moments],
        }

    def _view_moment(self, moment: 'Moment') -> Json:
        key = token_urlsafe(12)
        self._moments[key] = moment
        while len(self._moments) > MOST_MOMENTS:
            self._moments.popitem(last=False)
        times = f'{format_clock(moment.start_sec)} – {format_clock(moment.end_sec)}'
        return {
            'key': key,
            'video': moment.video,
            'times': times,
            'score': f'{moment.score:.3f}' + ('' if moment.found else ', below the threshold'),
            'picture': None if moment.place is None else jpeg_address(moment.place.thumbnail),
            'note': moment.note or '',
        }

    def _file(self, answers: 'list[SearchAnswer]') -> Path:
        folder = self.folder / f'search-{token_urlsafe(8)}'
        folder.mkdir()
        self._searches.append(folder)
        while len(self._searches) > MOST_SEARCHES:
            shutil.rmtree(self._searches.pop(0), ignore_errors=True)
        manifest, facts = self.index.manifest, self.index.grounder.facts
        return write_answers(folder / 'moments.json', answers, manifest, facts)


def jpeg_address(picture: 'np.ndarray') -> str:
    """Return a picture, (h, w, 3) uint8 RGB, as an address that a page can show."""
    from PIL import Image

    content = io.BytesIO()
    Image.fromarray(picture).save(content, 'JPEG', quality=85)
    return f'data:image/jpeg;base64,{base64.b64encode(content.getvalue()).decode()}'


def _summary(answer: 'SearchAnswer') -> str:
    limit, best = f'{answer.threshold:.3f}', f'{answer.best_score:.3f}'
    if not answer.found:
        return f'does not occur above the threshold of {limit}; best score {best}'
    count = sum(moment.found for moment in answer.moments)
    return f'{count} moment{"" if count == 1 else "s"} shown; best score {best}'
