"""Train a CLIP-style byte-pair tokenizer on a small corpus, without any download."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any


def train_clip_tokenizer(corpus: Iterable[str], out_dir: str | Path, *, vocab_size: int) -> int:
    """Write a tokenizer that ``transformers.CLIPTokenizer`` loads, and return its size.

    CLIP's conventions are kept: words end in ``</w>``, text is lower-cased, and the end-of-text
    token has the largest id, which CLIP's legacy pooling relies on.

    Args:
        corpus: Sentences to learn the merges from.
        out_dir: Folder for ``vocab.json``, ``merges.txt`` and the configuration.
        vocab_size: Upper bound of the number of tokens, special ones included.

    Returns:
        Number of tokens.
    """
    import json

    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
    from transformers import CLIPTokenizer

    out_dir = Path(out_dir)
    out_dir.mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer(models.BPE(end_of_word_suffix='</w>'))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Whitespace(), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size - 2,
        end_of_word_suffix='</w>',
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(corpus, trainer)
    state = json.loads(tokenizer.to_str())['model']
    vocab = state['vocab']
    for byte in pre_tokenizers.ByteLevel.alphabet():  # any text can end in any byte
        vocab.setdefault(f'{byte}</w>', len(vocab))
    for special in ('<|startoftext|>', '<|endoftext|>'):
        vocab[special] = len(vocab)
    merges: Any = [tuple(pair) for pair in state['merges']]
    # The class takes pairs, whatever its annotation says.
    CLIPTokenizer(vocab=vocab, merges=merges).save_pretrained(out_dir)
    return len(vocab)
