"""What a tuning minimises: the cross entropy of new answers, and how far replayed ones drift from what they were."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from copy import deepcopy
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mqwen.model.rows import IGNORED, positions_of, spliced_labels
from mqwen.model.splice import MQwenForConditionalGeneration


class AnswerLoss(nn.Module):
    """Both losses, summed over answer tokens, for a model with its LoRA attached.

    Logits are computed only where an answer stands: with 150,000 words, those of the image tokens would fill the card.
    The drift is the Kullback-Leibler divergence from the words' probabilities before the tuning (Li and Hoiem 2016,
    "Learning without forgetting", https://arxiv.org/abs/1606.09282): the same model with the LoRA switched off and the
    projector that it came with.

    Args:
        autocast: what the frozen weights are stored in, if it is not float32.
    """

    def __init__(self, model: MQwenForConditionalGeneration, autocast: torch.dtype | None = None) -> None:
        super().__init__()
        self.model = model
        self._autocast = autocast
        self._before = (deepcopy(model.multi_modal_projector).requires_grad_(False),)  # a tuple: not one of its modules

    def precision(self) -> AbstractContextManager[Any]:
        """The context to compute in: the trained weights are float32, whatever stands around them."""
        device = self.model.get_input_embeddings().weight.device
        return torch.autocast(device.type, self._autocast) if self._autocast else nullcontext()

    def forward(
        self, input_ids: Tensor, pixel_values: Tensor, attention_mask: Tensor, labels: Tensor, old: Tensor
    ) -> Tensor:
        """The first four as in `MQwenForConditionalGeneration.forward`; `old` [rows] tells the replayed rows.

        Returns:
            [2]: cross entropy of the other rows' answers, drift of the replayed rows' answers; both summed.
        """
        with self.precision():
            logits, targets, row = self._answers(input_ids, pixel_values, attention_mask, labels)
        replayed = old[row]
        loss = F.cross_entropy(logits[~replayed], targets[~replayed], reduction="sum")
        if not bool(old.any()):
            return torch.stack([loss, loss.new_zeros(())])
        markers = ((input_ids == self.model.config.image_token_id) & attention_mask.bool()).sum(-1)
        shown = old.repeat_interleave(markers)
        with torch.no_grad(), self.precision(), self._untuned():
            before, _, _ = self._answers(input_ids[old], pixel_values[shown], attention_mask[old], labels[old])
        drift = F.kl_div(logits[replayed].log_softmax(-1), before.log_softmax(-1), log_target=True, reduction="sum")
        return torch.stack([loss, drift])

    def _answers(
        self, input_ids: Tensor, pixel_values: Tensor, attention_mask: Tensor, labels: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Where answers stand: logits [tokens, vocabulary] in float32, the tokens said, and the row of each."""
        rows, inputs_embeds, _ = self.model.splice(input_ids, pixel_values, attention_mask, side="right")
        hidden = self.model.language_model(
            inputs_embeds=inputs_embeds,
            attention_mask=rows.attention_mask,
            position_ids=positions_of(rows.attention_mask),
            use_cache=False,
        ).last_hidden_state
        targets = spliced_labels(labels, rows)[:, 1:]
        told = targets != IGNORED
        return self.model.lm_head(hidden[:, :-1][told]).float(), targets[told], told.nonzero()[:, 0]

    @contextmanager
    def _untuned(self) -> Iterator[None]:
        """Within it the model is as it was before the tuning."""
        tuned = self.model.multi_modal_projector
        self.model.multi_modal_projector = self._before[0]
        try:
            with self.model.lora.off():
                yield
        finally:
            self.model.multi_modal_projector = tuned
