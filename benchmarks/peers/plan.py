"""What is measured: the rows of each table."""

from dataclasses import dataclass, field
from typing import Any

GREEDY, BEAM, AS_IT_COMES = "greedy", "beam 4", "as it comes"
SENTENCES = 192
"""The least that fill the batches of all tools with their parts."""
BUSY = 0.1
"""Share of the machine beyond which what other programs take spoils a measurement."""


@dataclass(frozen=True)
class Tool:
    """A row: a script, and what it is told beside the decoding."""

    key: str
    """For the command line."""
    script: str
    name: str
    options: dict[str, Any] = field(default_factory=dict)
    part: int = 1
    """It gets every so-manieth sentence."""
    same_as: str = ""
    """Table whose row says what this one would: by default the tool decodes as it does there."""
    is_peer: bool = False
    """Whether it needs the peers' venv."""

    @property
    def file(self) -> str:
        """In peers/."""
        return f"run_{self.script}.py"


_TRANSFORMERS_4 = [
    Tool("nlpaug", "nlpaug", "nlpaug BackTranslationAug", part=6, is_peer=True),
    Tool("textattack", "textattack", "TextAttack BackTranslation", part=12, is_peer=True),
    Tool("pipeline", "pipeline", "transformers 4 pipeline", part=12, is_peer=True),
]
_BATCHES_OF_8 = [
    Tool("pipeline", "pipeline", "transformers 4 pipeline, batches of 8", {"batch_size": 8}, part=6, is_peer=True),
    Tool("transformers", "transformers", "transformers 5 generate, batches of 8", {"batch_size": 8}, part=6),
]
_BY_DEFAULT = [
    *(Tool(tool.key, tool.script, tool.name, part=tool.part, same_as=BEAM, is_peer=True) for tool in _TRANSFORMERS_4),
    Tool("easynmt", "easynmt", "EasyNMT opus-mt (beam 5)", part=6, is_peer=True),
    Tool("bare", "ctranslate2", "CTranslate2 fp32, one batch (beam 2)", part=4),
    Tool("marian", "ours", "ours: marian fp32 (sampling)", {"engine": "marian"}),
    Tool("ctranslate2", "ours", "ours: ctranslate2 int8 (sampling)", {"engine": "ctranslate2"}),
    Tool("bergamot", "ours", "ours: bergamot, own small models", {"engine": "bergamot", "pivot": "pt"}),
]


def tables(*, cpus: int, batch_tokens: int) -> dict[str, list[Tool]]:
    """Rows of each table.

    Args:
        cpus: threads in which the bare library works off our batches, as our engine does.
        batch_tokens: of our CTranslate2 engine, for one beam; the bare library gets the same.
    """
    same: dict[str, list[Tool]] = {}
    for table, beams in ((GREEDY, 1), (BEAM, 4)):
        spread = {"compute_type": "int8", "inter_threads": cpus, "intra_threads": 1}
        batches = {"max_batch_size": batch_tokens // beams, "batch_type": "tokens", "sorted": True}
        fp32 = {"engine": "ctranslate2", "dtype": "fp32", "retry": False}
        same[table] = [
            *_TRANSFORMERS_4,
            *_BATCHES_OF_8,
            Tool("easynmt", "easynmt", "EasyNMT opus-mt", part=6, is_peer=True),
            Tool("bare", "ctranslate2", "CTranslate2 int8, one batch", {"compute_type": "int8"}),
            Tool("bare", "ctranslate2", "CTranslate2 int8, sorted, our batches", spread | batches),
            Tool("marian", "ours", "ours: marian fp32", {"engine": "marian", "retry": False}),
            Tool("ctranslate2", "ours", "ours: ctranslate2 int8", {"engine": "ctranslate2", "retry": False}),
            Tool("ctranslate2", "ours", "ours: ctranslate2 fp32", fp32, part=4),
        ]
    return {**same, AS_IT_COMES: _BY_DEFAULT}


TARGETS: list[tuple[str, str, tuple[str, ...], float]] = [
    (GREEDY, "ours: marian fp32", ("nlpaug", "pipeline"), 2.5),
    (BEAM, "ours: marian fp32", ("nlpaug", "pipeline"), 1.5),
    (GREEDY, "ours: ctranslate2 int8", ("nlpaug", "pipeline"), 4.5),
    (BEAM, "ours: ctranslate2 int8", ("nlpaug", "pipeline"), 3.5),
    (AS_IT_COMES, "ours: ctranslate2 int8 (sampling)", ("nlpaug", "pipeline"), 8.0),
    (GREEDY, "ours: ctranslate2 int8", ("CTranslate2 int8, sorted, our batches",), 0.95),
    (BEAM, "ours: ctranslate2 int8", ("CTranslate2 int8, sorted, our batches",), 0.95),
]
"""Table, row, keys or names of the rows that it is compared with (the fastest of a key counts), and the least ratio."""


def verdict(ours: float, theirs: float, least: float, *, busy: float, sentences: int) -> str:
    """What to say of a target; it is neither met nor missed where the measurement does not count.

    Args:
        ours: source tokens a second; 0: not measured.
        theirs: likewise.
        least: ratio that is aimed at.
        busy: share of the machine that other programs took.
        sentences: of the longest list.
    """
    if not (ours and theirs):
        return "not measured"
    said = f"{ours / theirs:.2f}x, "
    if busy > BUSY:
        return f"{said}NOT VALID, others took {busy:.0%} of the machine"
    if sentences < SENTENCES:
        return f"{said}NOT VALID, fewer than {SENTENCES} sentences do not fill the peers' batches"
    return said + ("met" if ours >= least * theirs else "MISSED")
