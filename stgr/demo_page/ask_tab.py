"""What asks about one video: its fields, and what happens when they are used."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from stgr.apis.user_errors import is_user_error, one_line
from stgr.demo_page.desk import Answer, GoneError, GroundingDesk, ShownVideo
from stgr.demo_page.gradio_parts import ONE_AT_A_TIME, add_html, import_gradio, say, told
from stgr.demo_page.videos import VIDEO_ENDINGS, VideoFolder, describe_trouble
from stgr.demo_page.view import Json, view_answer, view_spans, view_video
from stgr.io.errors import VideoError

RESULTS = ('viewer', 'files', 'overlay', 'answer')
CHOSEN = ('video', 'video_said', *RESULTS)
ALONE, POOL = 'each alone', 'as a pool'
NO_VIDEO = 'choose a video and wait until it is shown'


class AskTab:
    """Adds the fields to the page and answers their events.

    Every event returns what its fields show next; a mistake becomes a message beside the field it
    was made in, in the words of the exception.

    Args:
        desk: Does the work.
        folder: The videos offered.
    """

    def __init__(self, desk: GroundingDesk, folder: VideoFolder) -> None:
        self.desk = desk
        self.folder = folder
        self.fields: Json = {}
        """Gradio's components by name, once added."""
        self._gradio = import_gradio()

    def add(self) -> None:
        """Add the components where Gradio's context is open, and connect them."""
        gr, fields = self._gradio, self.fields
        with gr.Row():
            with gr.Column(scale=2, min_width=320):
                fields.update(self._inputs())
            with gr.Column(scale=5, min_width=480):
                fields['viewer'] = add_html({}, 'viewer', [self.spans_at])
                fields['files'] = gr.File(
                    label='Downloads', file_count='multiple', interactive=False, visible=False,
                    elem_id='files',
                )  # fmt: skip
                fields['overlay'] = gr.Button(
                    'Write overlay.mp4', size='sm', visible=False, elem_id='overlay'
                )
        self._connect()

    def spans_at(self, asked: Json) -> Json:
        """Return the spans of an answer at another threshold, or why there are none."""
        try:
            return {'spans': view_spans(self.desk.spans_at(asked['answer'], asked['threshold']))}
        except (GoneError, KeyError, TypeError, ValueError) as error:
            return {'trouble': one_line(error)}

    def _inputs(self) -> Json:
        gr = self._gradio
        names, root = self.folder.names(), self.folder.root
        said = {'elem_classes': 'said', 'container': False}
        pick = gr.Dropdown(
            names, value=None, label='Pick a video', visible=bool(names), elem_id='pick',
            info=f'{len(names)} in {root.name}' if root else None,
        )  # fmt: skip
        upload = gr.File(
            label='Or upload one' if names else 'Upload a video', elem_id='upload', height=150,
            file_types=['video', *VIDEO_ENDINGS],
        )  # fmt: skip
        video_said = gr.HTML('', elem_id='video-said', **said)
        queries = gr.Textbox(
            label='Queries', info='one per line', lines=5, elem_id='queries',
            placeholder='crack an egg\npour milk',
        )  # fmt: skip
        queries_said = gr.HTML('', elem_id='queries-said', **said)
        mode = gr.Radio(
            [ALONE, POOL], value=ALONE, label='Judge the queries', elem_id='mode',
            info='alone against background, or as a pool of which each moment shows one at most',
        )  # fmt: skip
        find = gr.Button('Find', variant='primary', elem_id='find')
        return {
            'pick': pick, 'upload': upload, 'video_said': video_said, 'queries': queries,
            'queries_said': queries_said, 'mode': mode, 'find': find, 'video': gr.State(),
            'answer': gr.State(),
        }  # fmt: skip

    def _connect(self) -> None:
        gr, fields = self._gradio, self.fields
        viewer, files, overlay = fields['viewer'], fields['files'], fields['overlay']
        model = {**ONE_AT_A_TIME, 'show_progress_on': viewer}
        results = [fields[name] for name in RESULTS]

        def upload(file: str | None, progress: Any = gr.Progress()) -> list[Any]:  # noqa: B008
            return [None, *self.choose(file, progress, Path)]

        def pick(name: str | None, progress: Any = gr.Progress()) -> list[Any]:  # noqa: B008
            return [None, *self.choose(name, progress, self.folder.file)]

        def find(
            video: str | None, texts: str, mode: str, progress: Any = gr.Progress()  # noqa: B008
        ) -> list[Any]:  # fmt: skip
            shown, video_said, queries_said = self._find(video, texts, mode, progress)
            return [video_said, queries_said, *(shown or [gr.skip()] * 4)]

        def move(event: gr.EventData) -> list[Any]:  # type: ignore[name-defined]  # Gradio asks
            try:
                answer = self.desk.move(event._data['answer'], event._data['threshold'])
                return ['', *self._shown(answer)]
            except (GoneError, OSError, ValueError) as error:
                return [say(one_line(error)), *[gr.skip()] * 4]

        def write_overlay(key: str | None) -> list[Any]:
            try:
                written = self.desk.files(self.desk.answer(key or ''), overlay=True)
            except (GoneError, OSError, ValueError) as error:
                return [say(one_line(error)), gr.skip(), gr.skip()]
            return ['', [str(file) for file in written], gr.update(visible=False)]

        chosen = [fields[name] for name in CHOSEN]
        fields['upload'].upload(upload, fields['upload'], [fields['pick'], *chosen], **model)
        fields['upload'].clear(lambda: None, None, fields['video'], api_visibility='private')
        fields['pick'].input(pick, fields['pick'], [fields['upload'], *chosen], **model)
        fields['find'].click(
            find,
            [fields['video'], fields['queries'], fields['mode']],
            [fields['video_said'], fields['queries_said'], *results],
            trigger_mode='always_last',  # a press while the last question is answered counts
            **model,
        )
        viewer.release(
            move, None, [fields['queries_said'], *results], trigger_mode='always_last',
            show_progress='hidden', **model,
        )  # fmt: skip
        overlay.click(
            write_overlay,
            fields['answer'],
            [fields['queries_said'], files, overlay],
            **{**model, 'show_progress_on': files},
        )

    def choose(
        self, name: str | None, progress: Any, find: Callable[[str], Path], start_sec: float = 0.0
    ) -> list[Any]:
        """Return what the fields ``CHOSEN`` become once a video is chosen; see ``show``."""
        video, said = self.show(name, progress, find)
        view = self._gradio.skip() if video is None else view_video(video, start_sec=start_sec)
        return [video.key if video else None, said, view, *self._no_files()]

    def show(
        self, name: str | None, progress: Any, find: Callable[[str], Path]
    ) -> tuple[ShownVideo | None, str]:
        """Return a chosen video, or what to say beside the field.

        Args:
            name: What was chosen; None: nothing.
            progress: Gradio's.
            find: Gives the file of the name, or raises ``VideoError``.
        """
        if not name:
            return None, say(NO_VIDEO)
        file = Path(name)
        try:
            file = find(name)
            return self.desk.show(file, progress=told(progress, 'converting')), ''
        except VideoError as error:
            return None, say(describe_trouble(error, file), about=file.name)
        except OSError as error:
            return None, say(one_line(error))

    def _find(
        self, key: str | None, texts: str, mode: str, progress: Any
    ) -> tuple[list[Any] | None, str, str]:
        """Return what ``_shown`` does, or what to say beside the video and beside the queries."""
        queries = [line.strip() for line in texts.splitlines() if line.strip()]
        video_said = queries_said = ''
        video = None
        try:
            video = self.desk.shown(key) if key else None
            video_said = say(NO_VIDEO) if video is None else ''
        except GoneError as error:
            video_said = say(one_line(error))
        try:
            self.desk.grounder.inferencer.check(queries)
        except ValueError as error:
            queries_said = say(one_line(error))
        if video is None or queries_said:
            return None, video_said, queries_said
        try:
            encoding = told(progress, 'encoding the video')
            answer = self.desk.ask(video, queries, exclusive=mode == POOL, progress=encoding)
            return self._shown(answer), '', ''
        except VideoError as error:
            return None, say(describe_trouble(error, video.path), about=video.path.name), ''
        except Exception as error:
            if not is_user_error(error):
                raise
            return None, '', say(one_line(error))

    def _shown(self, answer: Answer) -> list[Any]:
        """Return what viewer, downloads, button and state become."""
        update = self._gradio.update
        own = self.desk.grounder.inferencer.settings(exclusive=answer.exclusive)['threshold']
        files = [str(file) for file in self.desk.files(answer)]
        return [
            view_answer(answer, calibrated=float(own or 0.0)),
            update(value=files, visible=True),
            update(visible=True),
            answer.key,
        ]

    def _no_files(self) -> list[Any]:
        update = self._gradio.update
        return [update(value=None, visible=False), update(visible=False), None]
