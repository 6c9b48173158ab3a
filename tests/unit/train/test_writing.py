import errno

import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordPiece

from train.writing import explained


class FullDisk:
    """A file on a disk without room."""

    def write(self, _):
        raise OSError(errno.ENOSPC, "No space left on device")

    def flush(self):
        pass


def test_a_file_that_cannot_be_written_is_an_error_with_the_reason_the_room_and_the_cure(tmp_path):
    with pytest.raises(ValueError, match=r"No space left.*MiB free.*run the same command again"), explained(tmp_path):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_torchs_writer_on_a_full_disk_is_explained_too(tmp_path):
    with pytest.raises(ValueError, match=r"cannot be written.*MiB free"), explained(tmp_path):
        torch.save({"weights": torch.zeros(1000)}, FullDisk())


def test_a_tokenizer_on_a_failing_disk_is_explained_too(tmp_path):
    tokenizer = Tokenizer(WordPiece())
    with pytest.raises(ValueError, match=r"cannot be written \(No such file.*run the same command again"), explained(tmp_path):
        tokenizer.save(str(tmp_path / "missing" / "tokenizer.json"))


@pytest.mark.parametrize("error", [RuntimeError("shapes do not fit"), Exception("shapes do not fit")])
def test_another_error_stays_what_it_is(error, tmp_path):
    with pytest.raises(type(error), match="shapes"), explained(tmp_path):
        raise error
