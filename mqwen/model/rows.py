"""Rows of token ids, ragged and with markers -> rows of positions, in which every marker is a whole image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

IGNORED = -100


@dataclass(frozen=True)
class SplicedRows:
    """Where the tokens of input_ids [rows, S] go when every marker becomes a whole image; all fields are [rows, T]."""

    column: torch.Tensor  # the column of input_ids that this position comes from
    is_image: torch.Tensor  # an image feature stands here
    attention_mask: torch.Tensor  # 1 at real tokens, 0 at padding


def splice_rows(
    is_marker: torch.Tensor, attention_mask: torch.Tensor, image_tokens: int, *, side: Literal["left", "right"]
) -> SplicedRows:
    """Give each marker `image_tokens` positions and bring the rows to one length.

    Args:
        is_marker, attention_mask: [rows, S].
        side: where a shorter row is padded. "right" leaves a row's own padding where it stands; "left" lets all rows
            end with their last real token.
    """
    rows, columns = is_marker.shape
    ends = torch.where(is_marker, image_tokens, 1).cumsum(-1)  # one past the last position of each column
    lengths = ends[:, -1:]
    if side == "left":
        last = (
            (attention_mask != 0).long().mul(torch.arange(1, columns + 1, device=ends.device)).argmax(-1, keepdim=True)
        )
        lengths = ends.gather(1, last)
    total = int(lengths.max())
    positions = torch.arange(total, device=is_marker.device).expand(rows, total)
    if side == "left":
        positions = positions - (total - lengths)
    inside = (positions >= 0) & (positions < lengths)
    column = torch.searchsorted(ends, positions.contiguous(), right=True).clamp(max=columns - 1)
    return SplicedRows(
        column=column,
        is_image=inside & is_marker.gather(1, column),
        attention_mask=(inside & attention_mask.bool().gather(1, column)).long(),
    )


def positions_of(attention_mask: torch.Tensor) -> torch.Tensor:
    """Each row's positions counted from its first real token, [rows, T]; padding gets 0 or its predecessor's."""
    return (attention_mask.long().cumsum(-1) - 1).clamp(min=0)


def shifted_cross_entropy(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The mean cross entropy of predicting labels[:, t + 1] from logits[:, t], -100 left out; 0 if nothing is left."""
    targets = labels[:, 1:].flatten()
    loss = nn.functional.cross_entropy(
        logits[:, :-1].flatten(0, 1).float(), targets, ignore_index=IGNORED, reduction="sum"
    )
    return loss / (targets != IGNORED).sum().clamp(min=1)


def spliced_labels(labels: torch.Tensor, rows: SplicedRows) -> torch.Tensor:
    """labels [rows, S] -> [rows, T], -100 where an image stands, at padding, and where padding would predict."""
    padding = rows.attention_mask == 0
    after_padding = nn.functional.pad(padding[:, :-1], (1, 0))
    hidden = rows.is_image | padding | after_padding
    return labels.gather(1, rows.column).masked_fill(hidden, IGNORED)
