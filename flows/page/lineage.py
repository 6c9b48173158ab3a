"""What something was made of, as a diagram and as a table with the same content."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from datasets_cache.version import Version
from flows.page.markup import cell, table
from flows.page.summary import source_as_text, source_of

_WIDE = '%%{init: {"flowchart": {"wrappingWidth": 400}}}%%'
"""Ids are not broken in two."""


@dataclass(frozen=True, slots=True)
class Node:
    """One thing that was made, or the source."""

    key: str
    """Short and of its own in a diagram."""
    what: str
    """Such as ``plots``."""
    name: str
    """Id or place."""
    made_of: tuple[str, ...] = ()
    """Keys."""
    said: str = ""
    """A few words more."""


def of_version(version: Version) -> str:
    """Source, sample, pool, views and version as Markdown."""
    return as_markdown(f"Lineage of {version.id}", _nodes(version))


def of_training(cells: Mapping[str, str], version: Version, *, run: str) -> str:
    """Training run, version, shelves and source as Markdown, and the run's cells as a table.

    Args:
        cells: what is said of each cell, by the name of its run directory.
        version: that was trained on.
        run: name of the training run.
    """
    training = Node("training", "training run", run, ("version",), f"{len(cells)} cell{'s' if len(cells) != 1 else ''}")
    drawn = as_markdown(f"Lineage of {run}", [*_nodes(version), training])
    return f"{drawn}\n{table(('cell', ''), [(f'`{name}`', cell(said)) for name, said in cells.items()])}\n"


def as_markdown(title: str, nodes: Sequence[Node]) -> str:
    """A diagram and a table of `nodes`, those that others are made of first."""
    names = {node.key: node.what for node in nodes}
    drawn = [f'    {node.key}["{_label(node.what)}<br/>{_label(node.name)}"]' for node in nodes]
    arrows = [f"    {parent} --> {node.key}" for node in nodes for parent in node.made_of]
    rows = [(node.what, _name(node), ", ".join(names[one] for one in node.made_of) or "–", cell(node.said)) for node in nodes]
    diagram = "\n".join(["```mermaid", _WIDE, "flowchart TD", *drawn, *arrows, "```"])
    return "\n\n".join([f"## {cell(title)}", diagram, table(("what", "name", "made of", ""), rows)]) + "\n"


def _nodes(version: Version) -> list[Node]:
    shelves = (
        ("sample", "sample", version.sample, "source"),
        ("text", "plots", version.text, "sample"),
        ("image", "posters", version.image, "sample"),
        ("pool", "pool", version.pool, "sample"),
        ("pooltext", "plots of the pool", version.pool_text, "pool"),
        ("poolimage", "posters of the pool", version.pool_image, "pool"),
    )
    made = [
        Node(key, what, shelf.id, (parent,), f"{sum(shelf.manifest.rows.values()):,} rows")
        for key, what, shelf, parent in shelves
        if shelf
    ]
    joined = [node.key for node in made if node.key not in {parent for one in made for parent in one.made_of}]
    source = Node("source", "source", source_as_text(source_of(version)))
    films = f"{sum(version.manifest.rows.values()):,} films"
    return [source, *made, Node("version", "version", version.id, tuple(joined) or ("sample",), films)]


def _name(node: Node) -> str:
    """An id in a piece that is not broken; what people chose as text."""
    return f"`{node.name}`" if node.name.replace("-", "").replace("+", "").isalnum() else cell(node.name)


def _label(text: str) -> str:
    """`text` inside the quotes of a mermaid label, where a number stands for each sign that it could take for its own."""
    return "".join(mark if mark.isalnum() or mark in " -/.,→+" else f"#{ord(mark)};" for mark in text)
