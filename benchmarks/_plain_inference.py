"""Whole-video inference in straightforward PyTorch and OpenCV: the rival of ``whole_video.py``.

What a careful person writes: OpenCV decodes every frame and converts only the wanted ones; pictures
are encoded in large batches and stay in memory; all queries are encoded together and compared with
all frames by one matrix product; only the frames of a query go through its local head, together,
with matrix products and fused attention, and their maps are enlarged and labelled by OpenCV.
"""

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from local_head import self_attend
from torch import Tensor, nn

PICTURES_AT_ONCE = 256


class PlainVideo(NamedTuple):
    """An encoded video.

    Args:
        frames: (F, C) float16 on the device.
        patches: (F, P, C) float16 on the device.
        size: Width and height of the video in pixels.
    """

    frames: Tensor
    patches: Tensor
    size: tuple[int, int]


class PlainAnswer(NamedTuple):
    """Where one query is seen.

    Args:
        frames: Indices of its frames, (N,) int64.
        maps: Heat on the patch grid, (N, h, w) float32.
        boxes_px: (N, 4) float32.
    """

    frames: np.ndarray
    maps: np.ndarray
    boxes_px: np.ndarray


@torch.no_grad()
def encode(model: nn.Module, path: Path, rate_fps: float) -> PlainVideo:
    """Decode and encode a video of constant frame rate."""
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    fps, count = capture.get(cv2.CAP_PROP_FPS), int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    size = tuple(int(capture.get(p)) for p in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
    wanted = {int(k * fps / rate_fps + 1e-6) for k in range(int(count / fps * rate_fps))}
    side, pictures, parts = model.backbone.image_size, [], []
    for position in range(count):
        capture.grab()
        if position in wanted:
            picture = cv2.resize(
                cv2.cvtColor(capture.retrieve()[1], cv2.COLOR_BGR2RGB),
                (side, side),
                interpolation=cv2.INTER_AREA,
            )
            pictures.append(torch.from_numpy(picture))
        if len(pictures) == PICTURES_AT_ONCE:
            parts.append(_encode_batch(model, pictures))
            pictures = []
    if pictures:
        parts.append(_encode_batch(model, pictures))
    capture.release()
    frames, patches = (torch.cat(each) for each in zip(*parts, strict=True))
    return PlainVideo(frames, patches, size)


def _encode_batch(model: nn.Module, pictures: list[Tensor]) -> tuple[Tensor, Tensor]:
    preprocessor = model.data_preprocessor
    pixels = torch.stack(pictures).to(model.device).permute(0, 3, 1, 2).float()
    pixels = pixels.div_(255).sub_(preprocessor.mean).div_(preprocessor.std)
    mask = torch.ones(1, len(pixels), dtype=torch.bool, device=pixels.device)
    video = model.backbone.encode_video(pixels[None], mask)  # transformers' CLIP in both ways
    return video.frames[0].half(), video.patches[0].half()


@torch.no_grad()
def ground(
    model: nn.Module, video: PlainVideo, queries: list[str], threshold: float
) -> list[PlainAnswer]:
    """Answer queries, each judged alone."""
    token_ids, mask = model.backbone.tokenize(queries)
    text = model.backbone.encode_text(token_ids.to(model.device), mask.to(model.device))
    head = model.global_head
    frames = F.normalize(head.video_proj(video.frames.float()), dim=-1)
    sentences = F.normalize(head.text_proj(text.sentence), dim=-1)
    active = sentences @ frames.T >= threshold  # (Q, F)
    answers = []
    for words, real, found in zip(text.words, text.mask, active, strict=True):
        chosen = found.nonzero()[:, 0]
        maps = np.zeros((0, *model.backbone.grid), np.float32)
        if len(chosen):
            heat = heat_of_frames(model.local_head, video.patches[chosen].float(), words[real])
            maps = heat.reshape(-1, *model.backbone.grid).cpu().numpy()
        boxes = [box_of(patch_map, video.size) for patch_map in maps]
        answers.append(
            PlainAnswer(chosen.cpu().numpy(), maps, np.array(boxes, np.float32).reshape(-1, 4))
        )
    return answers


def heat_of_frames(head: nn.Module, patches: Tensor, words: Tensor) -> Tensor:
    """Return the rollout of one text on frames (N, P, C), each by itself, (N, P)."""
    scale = head.dim**-0.5
    video, text = head.video_proj(patches), head.text_proj(words)
    scores = video @ text.T * scale  # (N, P, L)
    of_words = scores.softmax(-2).mT  # (N, L, P)
    video, text = scores.softmax(-1) @ text, of_words @ video
    video = video + self_attend(video[:, None], head.video_attention, None)[:, 0]
    attention = head.text_attention
    query, key, value = F.linear(text, attention.in_proj_weight, attention.in_proj_bias).chunk(
        3, -1
    )
    between_words = (query @ key.mT * scale).softmax(-1)
    text = text + attention.out_proj(between_words @ value)
    to_words = (video @ text.mT * scale).softmax(-1)
    return (to_words @ between_words @ of_words).mean(dim=1)


def box_of(patch_map: np.ndarray, size: tuple[int, int], share: float = 0.3) -> list[float]:
    """Return the box of the hot region around the peak, ``x1, y1, x2, y2`` in pixels."""
    full = cv2.resize(patch_map, size, interpolation=cv2.INTER_LINEAR)
    peak, lowest = full.max(), full.min()
    hot = (full >= peak - (1 - share) * (peak - lowest)).astype(np.uint8)
    _, labels, boxes, _ = cv2.connectedComponentsWithStats(hot, connectivity=4)
    x, y, width, height, _ = boxes[labels.flat[full.argmax()]]
    return [x, y, x + width, y + height]
