"""The model that reads posters: image tokens side by side, linear classifier.

Shape legend: B films, N image tokens, D width of a token, G genres.
"""

from torch import Tensor, nn

from train.models.image_encoder import ImageEncoder
from train.records import Inputs


class Resnet(nn.Module):
    """Encoder → N tokens → flattened to N · D → dropout → linear."""

    def __init__(self, *, image: ImageEncoder, genres: int, dropout: float) -> None:
        """Put a classifier on an image encoder.

        Args:
            image: posters to tokens [B, N, D].
            genres: G.
            dropout: before the classifier.
        """
        super().__init__()
        self.image = image
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(image.tokens * image.width, genres)

    def forward(self, inputs: Inputs) -> Tensor:
        """Logits [B, G]; reads `image_BCHW`.

        Raises:
            ValueError: there are no posters.
        """
        if inputs.image_BCHW is None:
            msg = "resnet reads posters, and these films have none; give it posters, or use mmbt or bert."
            raise ValueError(msg)
        return self.classifier(self.dropout(self.image(inputs.image_BCHW).flatten(1)))
