"""The word2vec text tower of MIL-NCE: a dictionary, word vectors and one layer."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

_WORD = re.compile(r"[\w']+")


class WordDictionary:
    """Sentences to row numbers of a table of word vectors.

    Words are runs of letters, digits, ``_`` and ``'``, lower-cased; those that the dictionary lacks
    are dropped. The word at position k of the dictionary is row k + 1, row 0 is padding. Of a word
    that stands there twice the last position counts, as in the original.

    Args:
        words: The dictionary in order.
        max_words: Positions of a sentence: later words are cut, the rest filled with row 0.
    """

    def __init__(self, words: Sequence[str], *, max_words: int = 16) -> None:
        self.rows = {word: position + 1 for position, word in enumerate(words)}
        self.num_rows = len(words) + 1
        self.max_words = max_words

    def known(self, sentence: str) -> list[int]:
        """Return the rows of the known words of a sentence, however many."""
        words = _WORD.findall(sentence.lower())
        return [self.rows[word] for word in words if word in self.rows]

    def tokenize(self, sentences: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Return rows (B, ``max_words``) int64, 0 behind the words, and which are words, bool."""
        rows = torch.zeros(len(sentences), self.max_words, dtype=torch.long)
        for sentence, row in zip(sentences, rows, strict=True):
            known = self.known(sentence)[: self.max_words]
            row[: len(known)] = torch.tensor(known, dtype=torch.long)
        return rows, rows > 0


def read_dictionary(path: str | Path) -> list[str]:
    """Return the words of a dictionary in order.

    Args:
        path: ``.npy`` array of strings (MIL-NCE's ``dict.npy``), or a text file with one word per
            line, UTF-8.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it holds no words, or Python objects, which are not read.
    """
    file = Path(path).expanduser()
    if not file.is_file():
        raise FileNotFoundError(f'no dictionary {file}; give dict.npy, or one word per line')
    words = _npy_words(file) if file.suffix == '.npy' else _text_words(file)
    if not words:
        raise ValueError(f'{file} holds no words')
    return words


def _npy_words(file: Path) -> list[str]:
    try:
        array = np.load(file, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ValueError(
            f'{file} is no array of strings ({error}); write its words into a text file, one per '
            'line'
        ) from error
    if array.ndim != 1 or array.dtype.kind != 'U':
        raise ValueError(
            f'{file} must be an array of strings (N,), but is {array.dtype} {array.shape}'
        )
    words: list[str] = array.tolist()
    return words


def _text_words(file: Path) -> list[str]:
    try:
        text = file.read_text(encoding='utf-8-sig')  # editors may write a BOM
    except UnicodeDecodeError as error:
        raise ValueError(f'{file} is no UTF-8 text; give one word per line') from error
    return text.removesuffix('\n').split('\n') if text else []


class WordTower(nn.Module):
    """Word vectors, one linear layer and ReLU; a sentence is the maximum over its positions.

    MIL-NCE (Miech et al., CVPR 2020; antoine77340/S3D_HowTo100M ``Sentence_Embedding``) without its
    last layer ``fc2``, which is the text side of a global head. Modules have the released names.

    Args:
        num_rows: Rows of the table, padding included.
        dim: Width of word and sentence features.
        word_dim: Width of the word vectors.
    """

    def __init__(self, num_rows: int, *, dim: int = 2048, word_dim: int = 300) -> None:
        super().__init__()
        self.word_embd = nn.Embedding(num_rows, word_dim)
        self.fc1 = nn.Linear(word_dim, dim)

    def forward(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return the features of sentences and words.

        Args:
            rows: Row of each word, (B, L) int64, 0 for padding.

        Returns:
            Sentences (B, C), the maximum over all L positions: padding takes part, as row 0 is a
            vector like others. Words (B, L, C), >= 0.
        """
        words = F.relu(self.fc1(self.word_embd(rows)))
        return words.amax(dim=1), words
