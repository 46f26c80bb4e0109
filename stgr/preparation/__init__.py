"""From a folder of narrated videos to training data; ``stgr.apis.prepare`` runs it."""

from stgr.preparation.cue_cleaning import CaptionLimits, clean_cues
from stgr.preparation.cues import Cue, Subtitles, Word
from stgr.preparation.language import guess_language
from stgr.preparation.speech import SpeechRecogniser
from stgr.preparation.splits import SplitRule, split_videos
from stgr.preparation.subtitle_files import find_subtitles, read_subtitles
from stgr.preparation.text_cleaning import clean_text

__all__ = [
    'CaptionLimits',
    'Cue',
    'SpeechRecogniser',
    'SplitRule',
    'Subtitles',
    'Word',
    'clean_cues',
    'clean_text',
    'find_subtitles',
    'guess_language',
    'read_subtitles',
    'split_videos',
]
