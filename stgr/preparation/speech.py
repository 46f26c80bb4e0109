"""Recognise speech with faster-whisper, and keep what it heard as Whisper's JSON."""

import json
import os
from pathlib import Path
from typing import Any

from stgr.io.atomic import write_atomically
from stgr.io.errors import missing_package
from stgr.io.video_opening import open_video

DEFAULT_MODEL = 'small'


class SpeechRecogniser:
    """A Whisper model that is loaded when first needed.

    Args:
        model: Size (``tiny`` ... ``large-v3``), folder of a converted model, or its name on the
            hub; a size or name is downloaded by faster-whisper unless it is in its cache.
        device: ``'cpu'``, ``'cuda'`` or None: a GPU if there is one.
        language: Of the speech, such as ``'en'``; None: recognised from the first 30 seconds.
    """

    def __init__(
        self, model: str = DEFAULT_MODEL, *, device: str | None = None, language: str | None = None
    ) -> None:
        self.model = model
        self.device = device
        self.language = language
        self._whisper: Any = None

    def load(self) -> None:
        """Load the model now, so that what is missing is told before any work.

        Raises:
            ImportError: If faster-whisper is not installed.
            ValueError: If the model cannot be loaded; without a network one that is not here.
        """
        if self._whisper is not None:
            return
        try:
            from faster_whisper import WhisperModel
        except ImportError as error:
            raise missing_package("'stgr[speech]'", purpose='recognising speech') from error
        offline = os.environ.get('HF_HUB_OFFLINE', '') not in ('', '0')
        try:
            self._whisper = WhisperModel(
                self.model, device=self.device or 'auto', local_files_only=offline
            )
        except Exception as error:  # of CTranslate2, of the hub, of the network
            reason = str(error).strip().partition('\n')[0] or type(error).__name__
            raise ValueError(
                f'cannot load the speech model {self.model!r}: {reason}; give the folder of a '
                'model on this machine with --speech FOLDER, or connect to the network once'
            ) from error

    def transcribe(self, video: Path, out_path: Path, *, made_from: Any = None) -> Path:
        """Write what is said in a video, with the times of words, and return the file.

        Pauses are skipped (voice activity detection): Whisper invents sentences for silence.

        Args:
            video: The video.
            out_path: Where to write, in Whisper's JSON.
            made_from: Noted in the file, see ``heard_from``.

        Raises:
            VideoError: If the video cannot be read.
            ValueError: If it has no sound or its sound cannot be decoded.
        """
        with open_video(video) as reader:
            if not reader.facts().has_audio:
                raise ValueError(f'{video}: no sound to recognise speech in')
        self.load()
        try:
            found, info = self._whisper.transcribe(
                str(video), language=self.language, word_timestamps=True, vad_filter=True
            )
            segments = [_segment(segment) for segment in found]  # decoded as they are asked for
        except (RuntimeError, ValueError, OSError) as error:
            raise ValueError(f'{video}: speech could not be recognised: {error}') from error
        document = {'language': info.language, 'made_from': made_from, 'segments': segments}
        return write_atomically(out_path, json.dumps(document, ensure_ascii=False).encode())


def heard_from(path: Path) -> Any:
    """Return what a transcript was made from, None if there is no whole transcript."""
    try:
        return json.loads(path.read_bytes())['made_from']
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _segment(segment: Any) -> dict[str, Any]:
    words = [
        {'start': float(word.start), 'end': float(word.end), 'word': word.word}
        for word in segment.words or ()
    ]
    return {
        'start': float(segment.start),
        'end': float(segment.end),
        'text': segment.text,
        'words': words,
    }
