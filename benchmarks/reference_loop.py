"""The demonstrated training loop, written down plainly: what this project's training is measured against.

Every text is padded to 512 tokens. With UDA a step makes three passes: one for the labels, one more over the same films
without gradient (the teacher), one over the augmented films. Posters are read in full size and resized at each step. The
optimiser is torch's AdamW as it comes. Nothing here knows the package `train`; weights and their names are the same, so that a
state dict of one fits the other.

Shape legend: B films, L tokens, N image tokens, D width, G genres, C channels, H height, W width.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor, nn
from torch.distributions import Bernoulli, kl_divergence
from torch.utils.data import Dataset
from torchvision import transforms
from transformers import PreTrainedModel, PreTrainedTokenizerBase

MAX_TOKENS = 512
GRIDS = {1: (1, 1), 2: (2, 1), 3: (3, 1), 4: (2, 2), 5: (5, 1), 6: (3, 2), 7: (7, 1), 8: (4, 2), 9: (3, 3)}
NORMS = (nn.LayerNorm, nn.BatchNorm2d)


@dataclass(frozen=True)
class Film:
    """A row of ``films.jsonl``; the posters lie in the sibling folders ``posters`` and ``augmented``."""

    id: str
    plot: str
    augmented_plot: str
    labels: list[float]
    poster: Path
    augmented_poster: Path


def read_films(folder: Path) -> list[Film]:
    """The films of a folder."""
    rows = [json.loads(line) for line in (folder / "films.jsonl").read_text(encoding="utf-8").splitlines()]
    return [
        Film(**row, poster=folder / "posters" / f"{row['id']}.jpg", augmented_poster=folder / "augmented" / f"{row['id']}.jpg")
        for row in rows
    ]


class Films(Dataset[dict[str, Tensor]]):
    """Films as tensors; `reads` says which parts: ``text``, ``image``."""

    def __init__(
        self,
        films: Sequence[Film],
        *,
        reads: Sequence[str],
        tokenizer: PreTrainedTokenizerBase | None = None,
        image_tokens: int = 0,
        mean: Sequence[float] = (0.485, 0.456, 0.406),
        std: Sequence[float] = (0.229, 0.224, 0.225),
    ) -> None:
        self.films = films
        self.reads = reads
        self.tokenizer = tokenizer
        self.image_tokens = image_tokens
        self.transform = transforms.Compose(
            [transforms.Resize((256, 256)), transforms.ToTensor(), transforms.Normalize(mean, std)]
        )

    def __len__(self) -> int:
        return len(self.films)

    def __getitem__(self, row: int) -> dict[str, Tensor]:
        film = self.films[row]
        item = {"labels": torch.tensor(film.labels)}
        if "text" in self.reads:
            item["tokens"], item["mask"] = self._tokens(film.plot)
            item["augmented_tokens"], item["augmented_mask"] = self._tokens(film.augmented_plot)
        if "image" in self.reads:
            item["poster"] = self._poster(film.poster)
            if "text" not in self.reads:  # MMBT has its text augmented, its poster left as it is
                item["augmented_poster"] = self._poster(film.augmented_poster)
        return item

    def _tokens(self, text: str) -> tuple[Tensor, Tensor]:
        both = "image" in self.reads  # then [CLS] and [SEP] stand around the image tokens
        length = MAX_TOKENS - self.image_tokens - 2 if both else MAX_TOKENS
        assert self.tokenizer is not None
        encoded = self.tokenizer(
            text, add_special_tokens=not both, padding="max_length", truncation=True, max_length=length, return_tensors="pt"
        )
        return encoded["input_ids"][0], encoded["attention_mask"][0]

    def _poster(self, path: Path) -> Tensor:
        with Image.open(path) as image:
            return self.transform(image.convert("RGB"))


class Bert(nn.Module):
    """Pooled output → dropout → linear."""

    def __init__(self, encoder: PreTrainedModel, *, genres: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.encoder = encoder
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(encoder.config.hidden_size, genres)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Logits [B, G] of tokens [B, L]."""
        return self.classifier(self.dropout(self.encoder(input_ids=tokens, attention_mask=mask).pooler_output))


class ImageTokens(nn.Module):
    """A convolutional network without its last layers, pooled to N tokens."""

    def __init__(self, trunk: nn.Module, tokens: int) -> None:
        super().__init__()
        self.trunk = trunk
        self.pool = nn.AdaptiveAvgPool2d(GRIDS[tokens])

    def forward(self, poster: Tensor) -> Tensor:
        """Tokens [B, N, D] of posters [B, C, H, W]."""
        return torch.flatten(self.pool(self.trunk(poster)), start_dim=2).transpose(1, 2)


class ResNet(nn.Module):
    """Image tokens side by side → dropout → linear."""

    def __init__(self, trunk: nn.Module, *, width: int, tokens: int, genres: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.image = ImageTokens(trunk, tokens)
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(tokens * width, genres)

    def forward(self, poster: Tensor) -> Tensor:
        """Logits [B, G] of posters [B, C, H, W]."""
        return self.classifier(self.dropout(torch.flatten(self.image(poster), start_dim=1)))


class Mmbt(nn.Module):
    """``[CLS] image x N [SEP]`` embedded as segment 0, the text as segment 1, both through BERT's encoder and pooler."""

    def __init__(
        self, encoder: PreTrainedModel, trunk: nn.Module, *, width: int, tokens: int, cls_id: int, sep_id: int, genres: int,
        dropout: float = 0.1,
    ) -> None:  # fmt: skip
        super().__init__()
        self.encoder = encoder
        self.image = ImageTokens(trunk, tokens)
        self.projection = nn.Linear(width, encoder.config.hidden_size)
        self.cls_id, self.sep_id = cls_id, sep_id
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(encoder.config.hidden_size, genres)

    def forward(self, tokens: Tensor, mask: Tensor, poster: Tensor) -> Tensor:
        """Logits [B, G] of bare tokens [B, L] and posters [B, C, H, W]."""
        image = self._embed_image(self.image(poster))
        text = self.encoder.embeddings(input_ids=tokens, token_type_ids=torch.ones_like(tokens))
        whole_mask = torch.cat([mask.new_ones(image.shape[:2]), mask], dim=1)
        extended = (1.0 - whole_mask[:, None, None, :].to(text.dtype)) * torch.finfo(text.dtype).min
        hidden = self.encoder.encoder(torch.cat([image, text], dim=1), attention_mask=extended)[0]
        return self.classifier(self.dropout(self.encoder.pooler(hidden)))

    def _embed_image(self, image: Tensor) -> Tensor:
        embeddings = self.encoder.embeddings
        ends = torch.tensor([[self.cls_id, self.sep_id]]).expand(len(image), -1)
        cls, sep = embeddings.word_embeddings(ends).split(1, dim=1)
        tokens = torch.cat([cls, self.projection(image), sep], dim=1)
        places = embeddings.position_embeddings(torch.arange(tokens.shape[1]))
        segment = embeddings.token_type_embeddings(torch.zeros(1, dtype=torch.int64))
        return embeddings.dropout(embeddings.LayerNorm(tokens + places + segment))


def make_optimizer(model: nn.Module, *, learning_rate: float, weight_decay: float = 0.01) -> torch.optim.AdamW:
    """AdamW without decay of biases and normalisation layers."""
    normal = {id(weight) for module in model.modules() if isinstance(module, NORMS) for weight in module.parameters()}
    spared = [weight for name, weight in model.named_parameters() if name.endswith("bias") or id(weight) in normal]
    kept = {id(weight) for weight in spared}
    decayed = [weight for weight in model.parameters() if id(weight) not in kept]
    groups = [{"params": decayed, "weight_decay": weight_decay}, {"params": spared, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=learning_rate)


def train_step(
    model: nn.Module, optimizer: torch.optim.Optimizer, batch: dict[str, Tensor], *, uda: float | None, clip: float = 1.0
) -> tuple[float, float | None]:
    """One step: BCE with logits, and with UDA λ = `uda` times the KL, summed over genres, mean over films.

    Returns:
        Both terms before the step, unweighted.
    """
    films = {name: batch[name] for name in ("tokens", "mask", "poster") if name in batch}
    optimizer.zero_grad()
    supervised = nn.functional.binary_cross_entropy_with_logits(model(**films), batch["labels"])
    loss, consistency = supervised, None
    if uda is not None:
        with torch.no_grad():
            teacher = Bernoulli(logits=model(**films))
        student = Bernoulli(logits=model(**{name: batch.get(f"augmented_{name}", films[name]) for name in films}))
        consistency = kl_divergence(teacher, student).sum(dim=1).mean()
        loss = loss + uda * consistency
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), clip)
    optimizer.step()
    return supervised.item(), None if consistency is None else consistency.item()
