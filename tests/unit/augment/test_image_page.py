"""``docs/randaugment.md`` and its pictures say what the code does."""

import doctest
import re
import runpy
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from augment.image.ops import OPS, draw_parameter
from augment.image.spec import RandAugmentSpec

DOCS = Path(__file__).parents[3] / "docs"
PAGE = DOCS / "randaugment.md"


@pytest.fixture(scope="module")
def page():
    return PAGE.read_text(encoding="utf-8")


def rows_of(page, first_cell):
    """Cells of the rows below the header that begins with `first_cell`."""
    _, _, table = page.partition(f"| {first_cell} |")
    lines = table.split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_table_names_every_operation_in_order(page):
    assert [row[0] for row in rows_of(page, "Operation")] == [f"[{op.name}](#{op.name.lower()})" for op in OPS]


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_the_table_has_the_parameters_that_are_drawn(op, page):
    row = rows_of(page, "Operation")[OPS.index(op)]
    drawn = [draw_parameter(op, magnitude=m, negative=False, height=256, width=256) for m in (0, 3, 7, 10)]
    assert [float(cell) if cell else None for cell in row[3:7]] == pytest.approx(drawn)
    assert row[7] == ("yes" if op.signed else "no")


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_every_operation_has_a_section_with_its_picture(op, page):
    section = page.partition(f"### {op.name}\n")[2].partition("\n#")[0]
    assert f"images/randaugment/{op.name}.jpg" in section


def test_the_settings_are_those_of_the_spec_with_their_defaults(page):
    rows = {row[0].strip("`"): row[1] for row in rows_of(page, "Setting")}
    assert list(rows) == list(RandAugmentSpec.model_fields)
    for name, field in RandAugmentSpec.model_fields.items():
        shown = "none" if field.default is None else str(field.default).strip("()").removesuffix(".0")
        assert rows[name] == shown


def test_the_example_prints_what_the_page_says():
    assert doctest.testfile(str(PAGE), module_relative=False).failed == 0


def test_every_linked_picture_exists_and_no_other(page):
    linked = {DOCS / link for link in re.findall(r"!\[[^]]*]\(([^)]+)\)", page)}
    assert linked == set((DOCS / "images/randaugment").iterdir())


def test_the_pictures_are_what_the_script_draws(tmp_path):
    runpy.run_path(str(DOCS / "randaugment_pictures.py"))["draw"](tmp_path)
    kept = DOCS / "images/randaugment"
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(file.name for file in kept.iterdir())
    for file in tmp_path.iterdir():
        drawn, was = (np.asarray(Image.open(folder / file.name)).astype(int) for folder in (tmp_path, kept))
        assert np.abs(drawn - was).mean() < 1.0  # not to the byte: another release of Pillow may round otherwise
