"""Any vision transformer of timm as video encoder, beside CLIP's text encoder."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from einops import rearrange
from torch import Tensor, nn

from stgr.io.hub import WEIGHTS, hub_folder
from stgr.models.backbones.clip_loading import load_clip
from stgr.models.backbones.clip_text import encode_tokens, tokenize, tokens_cut
from stgr.models.backbones.tower_backbone import Frozen, Tower, TowerBackbone
from stgr.registry import MODELS
from stgr.structures.features import TextFeatures, VideoFeatures


@MODELS.register_module()
class TimmBackbone(TowerBackbone):
    """A vision transformer of timm for frames and patches, CLIP's text tower for sentences.

    A frame is what the model's own pooling makes of its tokens (class token, mean or attention
    pooling, normalised as the model does) before any classifier; patches are its patch tokens under
    the same norm. Class and register tokens are no patches. Picture size, grid and statistics are
    those of the model. The two towers need not share a width: the heads project each of them.

    Convolutional models, CLIP's ResNets among them, are refused: their cells and their pooled
    picture have different widths, which a backbone here cannot have.

    Args:
        model_name: Name in timm, with the tag that tells the statistics, such as
            ``vit_base_patch16_224.augreg2_in21k_ft_in1k``.
        text_source: Folder or hub name of the CLIP whose text tower and tokenizer are taken.
        checkpoint: The model's weights: a ``.safetensors`` file with timm's names, or a hub name
            such as ``timm/vit_base_patch16_224.augreg2_in21k_ft_in1k``. A classifier in it is left
            out. None: random weights, which must learn.
        model_args: More arguments of ``timm.create_model`` (``img_size``, ``embed_dim``, ...).
        frozen: What is kept as it is, see ``CLIPBackbone``.
        max_words: Word features kept of a sentence.

    Raises:
        ImportError: If timm is not installed.
        FileNotFoundError: If a checkpoint or the text tower cannot be had.
        ValueError: If the model is no vision transformer with square pictures, the checkpoint is of
            another one, or random weights would be frozen.
    """

    def __init__(
        self,
        model_name: str,
        *,
        text_source: str | Path,
        checkpoint: str | Path | None = None,
        model_args: Mapping[str, Any] | None = None,
        frozen: Frozen = True,
        max_words: int = 20,
    ) -> None:
        super().__init__()
        self.model_name, self.model_args = model_name, dict(model_args or {})
        model, facts = _create(model_name, self.model_args)
        _check_vision_transformer(model, model_name)
        if checkpoint is not None:
            _load(model, checkpoint)
        clip, self.tokenizer = load_clip(text_source)
        self.encoder = nn.ModuleDict(
            {'video': model, 'text': clip.text_model, 'text_projection': clip.text_projection}
        )
        rows, columns = model.patch_embed.grid_size
        self.grid = (int(rows), int(columns))
        self.image_size = int(model.patch_embed.img_size[0])
        self.mean, self.std = tuple(facts['mean']), tuple(facts['std'])
        self.video_dim, self.text_dim = int(model.num_features), clip.config.projection_dim
        self.max_words = max_words
        self.max_tokens = clip.config.text_config.max_position_embeddings
        self.freeze(frozen)
        if checkpoint is None and any(not p.requires_grad for p in model.parameters()):
            raise ValueError(
                f'{model_name} has random weights, which no checkpoint would hold if they were '
                'frozen; give its checkpoint, or set frozen.vision=False'
            )

    def towers(self) -> dict[str, Tower]:
        """Return both encoders; that of the text ends with CLIP's projection."""
        video: Any = self.encoder['video']
        text: Any = self.encoder['text']
        read = self.encoder['text_projection']
        top = [getattr(video, name, None) for name in ('norm', 'fc_norm', 'attn_pool')]
        above = tuple(module for module in top if isinstance(module, nn.Module))
        return {
            'vision': Tower((video,), list(video.blocks), above),
            'text': Tower((text, read), text.encoder.layers, (text.final_layer_norm, read)),
        }

    def settings(self) -> list[str]:
        """Return which model it is: others have weights of the same names and shapes.

        And which tokens the text tower is given: its weights do not tell.
        """
        vocabulary = json.dumps(self.tokenizer.get_vocab(), sort_keys=True)
        return [
            self.model_name,
            json.dumps(self.model_args, sort_keys=True, default=str),
            hashlib.sha256(vocabulary.encode()).hexdigest(),
        ]

    def encode_video(self, frames: Tensor, mask: Tensor) -> VideoFeatures:
        """Encode frames in one forward; see the base class."""
        flat = rearrange(frames, 'b u c h w -> (b u) c h w')
        video: Any = self.encoder['video']
        with self.gradient_of('vision'):
            tokens = video.forward_features(flat)  # (B * U, prefix + P, C)
            pooled = video.forward_head(tokens, pre_logits=True)
            patches = tokens[:, video.num_prefix_tokens :]
            if hasattr(video, 'fc_norm'):
                patches = video.fc_norm(patches)
        return VideoFeatures(
            rearrange(pooled.float(), '(b u) c -> b u c', b=len(frames)),
            rearrange(patches.float(), '(b u) p c -> b u p c', b=len(frames)),
            mask,
            self.grid,
        )

    def tokenize(self, sentences: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Return token ids and mask, (B, N); an empty sentence has its two marks only."""
        return tokenize(self.tokenizer, sentences, limit=self.max_tokens)

    def tokens_cut(self, sentences: Sequence[str]) -> list[int]:
        """Return how many tokens of each sentence are beyond the encoder's length."""
        return tokens_cut(self.tokenizer, sentences, limit=self.max_tokens)

    def encode_text(self, token_ids: Tensor, mask: Tensor) -> TextFeatures:
        """Encode token ids; the end mark is the last real token of each row."""
        text, projection = self.encoder['text'], self.encoder['text_projection']
        with self.gradient_of('text'):
            return encode_tokens(text, projection, token_ids, mask, max_words=self.max_words)


def _create(model_name: str, model_args: Mapping[str, Any]) -> tuple[Any, Mapping[str, Any]]:
    """Return a model without classifier and what timm knows about its input."""
    try:
        import timm
        from timm.data import resolve_model_data_config
    except ImportError as error:
        raise ImportError(
            "TimmBackbone needs timm and torchvision; install them with: pip install 'stgr[timm]'"
        ) from error
    if not timm.is_model(model_name):
        near = timm.list_models(f'*{model_name.partition(".")[0]}*')[:3] or ['timm.list_models()']
        raise ValueError(f'timm has no model {model_name!r}; there are {", ".join(near)}')
    model = timm.create_model(model_name, pretrained=False, num_classes=0, **model_args)
    return model, resolve_model_data_config(model)


def _check_vision_transformer(model: Any, model_name: str) -> None:
    """Refuse models that have no stack of layers on a grid of patch tokens."""
    needed = ('blocks', 'patch_embed', 'num_prefix_tokens', 'forward_features', 'forward_head')
    missing = [name for name in needed if not hasattr(model, name)]
    grid = getattr(getattr(model, 'patch_embed', None), 'grid_size', None)
    if missing or grid is None:
        raise ValueError(
            f'{model_name} is no vision transformer with patch tokens of one size (it lacks '
            f'{", ".join(missing) or "patch_embed.grid_size"}); choose one, such as '
            'vit_base_patch16_224'
        )
    size = tuple(model.patch_embed.img_size)
    if size[0] != size[1]:
        raise ValueError(f'{model_name} sees pictures of {size}; only square ones are supported')


def _load(model: nn.Module, checkpoint: str | Path) -> None:
    """Load a safetensors file into a model, all of it but a classifier.

    Raises:
        FileNotFoundError: If there is no such file, and no such model is cached or on the hub.
        ValueError: If it is of another kind or another model.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = _find(str(checkpoint))
    if path.suffix != '.safetensors':
        raise ValueError(f'{checkpoint} is no .safetensors file; save its weights as one')
    try:
        weights = load_file(path)
    except SafetensorError as error:
        raise ValueError(f'{checkpoint} is damaged ({error})') from error
    state = {n: value for n, value in weights.items() if not n.startswith(('head.', 'head_dist.'))}
    try:
        model.load_state_dict(state, strict=True)
    except RuntimeError as error:
        raise ValueError(f'{checkpoint} holds the weights of another model: {error}') from error


def _find(checkpoint: str) -> Path:
    path = Path(checkpoint)
    if path.is_file():
        return path
    is_file_name = path.suffix in ('.safetensors', '.pth', '.pt', '.bin')
    if is_file_name or path.is_absolute() or checkpoint.count('/') != 1:
        raise FileNotFoundError(
            f'no such checkpoint: {checkpoint}; give a .safetensors file or a hub name such as '
            'timm/vit_base_patch16_224.augreg2_in21k_ft_in1k'
        )
    return hub_folder(checkpoint, files=('config.json',)) / WEIGHTS
