"""Predictions on disk."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from train import predictions
from train.predictions import Predictions

SAID = Predictions(
    ids=("tt1", "Amélie, \"the\" film"),
    genres=("drama", "sci-fi", "film-noir"),
    logits_BG=torch.tensor([[0.1, -2.5, 3e-7], [1.0, 2.0, -30.0]]),
    labels_BG=torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]]),
)  # fmt: skip


def test_what_is_saved_is_loaded_to_the_bit(tmp_path: Path):
    path = tmp_path / predictions.TEST
    predictions.save(path, SAID)
    found = predictions.load(path)
    assert (found.ids, found.genres) == (SAID.ids, SAID.genres)
    assert torch.equal(found.logits_BG, SAID.logits_BG)
    assert torch.equal(found.labels_BG, SAID.labels_BG)
    assert [file.name for file in tmp_path.iterdir()] == [predictions.TEST]


def test_it_is_a_plain_safetensors_file(tmp_path: Path):
    predictions.save(tmp_path / "p.safetensors", SAID)
    assert torch.equal(load_file(tmp_path / "p.safetensors")["logits"], SAID.logits_BG)


def test_other_precisions_and_layouts_are_stored_as_float32(tmp_path: Path):
    half = Predictions(
        ("a", "b", "c"), ("x", "y"), torch.ones(2, 3, dtype=torch.bfloat16).T, torch.ones(3, 2, dtype=torch.int64)
    )
    predictions.save(tmp_path / "p.safetensors", half)
    found = predictions.load(tmp_path / "p.safetensors")
    assert (found.logits_BG.dtype, found.labels_BG.dtype) == (torch.float32, torch.float32)


def test_tensors_that_do_not_fit_ids_and_genres_are_refused():
    with pytest.raises(ValueError, match=r"logits \(2, 3\) and labels \(2, 3\) must both be \[1 films, 3 genres\]"):
        Predictions(("a",), SAID.genres, SAID.logits_BG, SAID.labels_BG)


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(ValueError, match=r"p\.safetensors: no such file"):
        predictions.load(tmp_path / "p.safetensors")


def test_a_damaged_file_is_named(tmp_path: Path):
    path = tmp_path / "p.safetensors"
    predictions.save(path, SAID)
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(ValueError, match=r"p\.safetensors: not whole predictions"):
        predictions.load(path)


def test_a_file_without_ids_is_named(tmp_path: Path):
    path = tmp_path / "p.safetensors"
    save_file({"logits": SAID.logits_BG, "labels": SAID.labels_BG}, path)
    with pytest.raises(ValueError, match=r"p\.safetensors: not whole predictions"):
        predictions.load(path)
    save_file({"logits": SAID.logits_BG, "labels": SAID.labels_BG}, path, metadata={"ids": "[", "genres": "[]"})
    with pytest.raises(ValueError, match=r"p\.safetensors: not whole predictions"):
        predictions.load(path)
