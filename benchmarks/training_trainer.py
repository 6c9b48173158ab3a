"""transformers' Trainer on the same plots: labels alone, dynamic padding, films grouped by length."""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from reference_loop import Film
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)


class Clock(TrainerCallback):
    """Times the last epoch."""

    def __init__(self) -> None:
        self.began = 0.0
        self.seconds = 0.0

    def on_epoch_begin(self, *_args: Any, **_kwargs: Any) -> None:  # noqa: ANN401
        """An epoch begins."""
        self.began = time.perf_counter()

    def on_epoch_end(self, *_args: Any, **_kwargs: Any) -> None:  # noqa: ANN401
        """An epoch ends."""
        self.seconds = time.perf_counter() - self.began


def measure(
    films: Sequence[Film], *, folder: Path, batch: int, max_tokens: int, learning_rate: float, weight_decay: float
) -> tuple[int, float]:
    """Train two epochs; the first warms up.

    Returns:
        Steps and seconds of the second.
    """
    tokenizer = AutoTokenizer.from_pretrained(folder)
    encoded = tokenizer([film.plot for film in films], truncation=True, max_length=max_tokens, return_token_type_ids=False)
    rows = Dataset.from_dict(
        dict(encoded) | {"labels": [film.labels for film in films], "length": [len(ids) for ids in encoded["input_ids"]]}
    )
    model = AutoModelForSequenceClassification.from_pretrained(
        folder, num_labels=len(films[0].labels), problem_type="multi_label_classification", dtype=torch.float32
    )
    clock = Clock()
    with tempfile.TemporaryDirectory() as scratch:
        arguments = TrainingArguments(
            output_dir=scratch, num_train_epochs=2, per_device_train_batch_size=batch, learning_rate=learning_rate,
            weight_decay=weight_decay, lr_scheduler_type="constant", train_sampling_strategy="group_by_length", use_cpu=True,
            report_to="none", save_strategy="no", logging_strategy="no", disable_tqdm=True, dataloader_pin_memory=False,
        )  # fmt: skip
        trainer = Trainer(
            model, arguments, train_dataset=rows, data_collator=DataCollatorWithPadding(tokenizer), callbacks=[clock]
        )
        trainer.train()
    return -(-len(films) // batch), clock.seconds
