"""The model that reads plots: text encoder, one vector a plot, linear classifier.

Shape legend: B films, L tokens, G genres.
"""

from torch import Tensor, nn
from transformers import PreTrainedModel

from train.config import Pooling
from train.models.text_encoder import summarise
from train.records import Inputs


class Bert(nn.Module):
    """Encoder → pooled output → dropout → linear."""

    def __init__(self, *, encoder: PreTrainedModel, pooling: Pooling, genres: int, dropout: float) -> None:
        """Put a classifier on an encoder.

        Args:
            encoder: any Hugging Face text encoder.
            pooling: how its output becomes one vector.
            genres: G.
            dropout: before the classifier.
        """
        super().__init__()
        self.encoder = encoder
        self.pooling: Pooling = pooling
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(encoder.config.hidden_size, genres)

    def forward(self, inputs: Inputs) -> Tensor:
        """Logits [B, G]; reads `tokens_BL` (special tokens included) and `mask_BL`.

        Raises:
            ValueError: there is no text.
        """
        if inputs.tokens_BL is None:
            msg = "bert reads plots, and these films have none; give it plots, or use mmbt or resnet."
            raise ValueError(msg)
        assert inputs.mask_BL is not None
        output = self.encoder(input_ids=inputs.tokens_BL, attention_mask=inputs.mask_BL)
        return self.classifier(self.dropout(summarise(output, inputs.mask_BL, pooling=self.pooling)))
