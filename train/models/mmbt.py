"""The model that reads both: image tokens before the text tokens, one transformer over all of them.

Shape legend: B films, L text tokens, N image tokens, S = N + 2 + L tokens in all, D width, G genres.
"""

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from train.config import Pooling
from train.models.image_encoder import ImageEncoder
from train.models.text_encoder import summarise
from train.records import Inputs


def text_budget(*, max_tokens: int, image_tokens: int) -> int:
    """Text tokens that fit beside ``[CLS] image x N [SEP]``.

    Raises:
        ValueError: none fit.
    """
    left = max_tokens - image_tokens - 2
    if left < 1:
        msg = f"{max_tokens} tokens leave no room for text beside {image_tokens} image tokens, [CLS] and [SEP]; "
        msg += "raise --text.max_tokens."
        raise ValueError(msg)
    return left


class Mmbt(nn.Module):
    """Multimodal bitransformer: ``[CLS] image x N [SEP] text``; either modality may be missing.

    Image features are projected into the space of the word embeddings. `[CLS]`, image and `[SEP]` are segment 0 at positions
    0 to N + 1; the text is segment 1 and its positions restart at 0. Sum of the embeddings, LayerNorm, dropout, transformer and
    pooler are the text encoder's own. The text brings no special tokens: the sequence has one `[CLS]` and one `[SEP]`.

    Source:
        Kiela et al., arXiv:1909.02950, section 3; the bare text tokens follow the published code, which strips the text's
        first token and never adds a last one.
        Deviation: the length limit counts all tokens; the published code exceeds it by one.
    """

    def __init__(
        self,
        *,
        encoder: PreTrainedModel,
        pooling: Pooling,
        image: ImageEncoder,
        cls_id: int,
        sep_id: int,
        genres: int,
        dropout: float,
    ) -> None:
        """Join a text and an image encoder.

        Args:
            encoder: a BERT (segment embeddings for two segments, absolute positions).
            pooling: how its output becomes one vector; `mean` is over all tokens of both modalities.
            image: posters to tokens.
            cls_id: id of `[CLS]`.
            sep_id: id of `[SEP]`.
            genres: G.
            dropout: before the classifier.

        Raises:
            ValueError: `encoder` is not a BERT with two segments.
        """
        super().__init__()
        config = encoder.config
        if config.model_type != "bert" or config.type_vocab_size < 2:
            msg = f"mmbt needs a BERT with two segments, --text.name is a {config.model_type}; use a BERT, or the model `bert`."
            raise ValueError(msg)
        self.encoder = encoder
        self.pooling: Pooling = pooling
        self.image = image
        self.projection = nn.Linear(image.width, config.hidden_size)
        self.cls_id = cls_id
        self.sep_id = sep_id
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(config.hidden_size, genres)

    def forward(self, inputs: Inputs) -> Tensor:
        """Logits [B, G]; reads `tokens_BL` (bare text) with `mask_BL`, and `image_BND`, or else `image_BCHW`.

        Either modality may be missing. Without text the sequence is ``[CLS] image x N [SEP]``; without image it is
        ``[CLS] [SEP] text``, `[SEP]` then being at position 1, while the text's positions restart at 0 all the same.

        Raises:
            ValueError: both are missing.
        """
        image_BND = inputs.image_BND
        if image_BND is None and inputs.image_BCHW is not None:
            image_BND = self.image(inputs.image_BCHW)
        tokens_BL, mask_BL = inputs.tokens_BL, inputs.mask_BL
        if tokens_BL is None:
            if image_BND is None:
                msg = "mmbt reads plots and posters, and these films have neither; give it one of them or both."
                raise ValueError(msg)
            tokens_BL = mask_BL = torch.zeros(image_BND.shape[0], 0, dtype=torch.int64, device=image_BND.device)
        assert mask_BL is not None
        films, length = tokens_BL.shape
        head = 2 if image_BND is None else image_BND.shape[1] + 2
        mask_BS = torch.cat([mask_BL.new_ones(films, head), mask_BL], dim=1)
        ones_L = mask_BL.new_ones(length)
        position_S = torch.cat([torch.arange(head, device=ones_L.device), torch.arange(length, device=ones_L.device)])
        segment_S = torch.cat([ones_L.new_zeros(head), ones_L])
        output = self.encoder(
            inputs_embeds=self._embed(tokens_BL, image_BND),
            attention_mask=mask_BS,
            position_ids=position_S.expand(films, -1),
            token_type_ids=segment_S.expand(films, -1),
        )
        return self.classifier(self.dropout(summarise(output, mask_BS, pooling=self.pooling)))

    def _embed(self, tokens_BL: Tensor, image_BND: Tensor | None) -> Tensor:
        """Word embeddings around and behind the projected image tokens; the encoder itself adds position and segment."""
        words = self.encoder.get_input_embeddings()
        films = tokens_BL.shape[0]
        cls_B1D = words(tokens_BL.new_full((films, 1), self.cls_id))
        sep_B1D = words(tokens_BL.new_full((films, 1), self.sep_id))
        image = [] if image_BND is None else [self.projection(image_BND)]
        return torch.cat([cls_B1D, *image, sep_B1D, words(tokens_BL)], dim=1)
