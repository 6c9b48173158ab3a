"""Which translation models Helsinki-NLP has on the Hub, for messages: the Hub cannot be asked where it is not within reach.

Source:
    opus_mt_models.txt, 1,440 repositories without their owner, from two lists in public repositories, read in November 2026:
    xJerBugra/translate, helsinki_models.py (the Hub's page of Helsinki-NLP, saved after the `tc-big` models of 2022), and
    bigscience-workshop/data_tooling, manage_pii_and_bias.py (2021). All 1,324 pairs of the older list are in the newer one,
    which has 5 pairs with groups of languages, 100 `tc` and 11 `opus-tatoeba` models more. Neither has the `tc-bible` models
    of 2024. `GROUPS`: the models' cards, and transformers 3.0.2, convert_marian_to_pytorch.py.
"""

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

GROUPS = {
    "CELTIC": "br cy ga gd gv kw",
    "NORTH_EU": "af da de fo fy is nb nl nn no sv",
    "NORWAY": "nb nn no",
    "ROMANCE": "an ca co es fr fur gl it la lad oc pt rm ro sc scn vec wa",
    "SCANDINAVIA": "da fo is nb nn no sv",
    "ZH": "zh",
    "bat": "lt lv",
    "bnt": "ln lg ny rn rw sn sw ts xh zu",
    "cat_oci_spa": "ca es oc",
    "ces_slk": "cs sk",
    "dra": "kn ml ta te",
    "gmq": "da fo is nb nn no sv",
    "gmw": "af de fy lb nds nl yi",
    "iir": "as bn fa gu hi ku mr ne or os pa ps sd si tg ur",
    "jap": "ja",
    "sem": "am ar he mt ti",
    "trk": "az ba crh cv kk ky tk tr tt ug uz",
    "zle": "be ru uk",
    "zls": "bg bs hr mk sl sr",
    "zlw": "cs csb dsb hsb pl",
}
"""Languages of a model whose name has a group, or another code than theirs, in place of a language."""
_FAMILIES = (
    "SAMI", "aav", "afa", "alv", "art", "cau", "ccs", "cel", "cpf", "cpp", "cus", "euq", "fiu", "gem", "grk", "inc", "ine",
    "itc", "map", "mkh", "mul", "nic", "phi", "poz", "pqe", "pqw", "roa", "sal", "sit", "sla", "taw", "tut", "urj",
)  # fmt: skip
_DEFAULT = re.compile(r"Helsinki-NLP/opus-mt-([A-Za-z_]+)-([A-Za-z_]+)")
_NAME = re.compile(r"opus-(?:mt|tatoeba)-(?:tc-(?:big|base)-)?([A-Za-z_]+)-([A-Za-z_]+)")


def pair_of(model: str) -> tuple[str, str] | None:
    """Source and target of a repository ``Helsinki-NLP/opus-mt-{source}-{target}``; None for others."""
    found = _DEFAULT.fullmatch(model)
    return (found[1], found[2]) if found else None


def pairs_from(language: str) -> tuple[str, ...]:
    """Languages that `language` is translated to by a model of the plain name, groups left out."""
    return tuple(sorted(model.target for model in _models() if model.source == language and _plain(model)))


def pairs_into(language: str) -> tuple[str, ...]:
    """Languages that are translated to `language` by a model of the plain name, groups left out."""
    return tuple(sorted(model.source for model in _models() if model.target == language and _plain(model)))


def pivots_for(language: str) -> tuple[str, ...]:
    """Languages that `language` is translated to and back from by models of the plain name."""
    back = set(pairs_into(language))
    return tuple(pivot for pivot in pairs_from(language) if pivot in back and pivot != language)


def models_for(source: str, target: str) -> tuple[str, ...]:
    """Repositories that translate a pair under another name: a larger model, one of a group of languages, another code."""
    fitting = [
        (model.source != source or model.target != target, f"Helsinki-NLP/{model.name}")
        for model in _models()
        if _covers(model.source, source) and _covers(model.target, target) and model.name != f"opus-mt-{source}-{target}"
    ]
    return tuple(repository for _, repository in sorted(fitting))


def advice(source: str, target: str) -> str:
    """What opus-mt is known to have for a pair, in sentences for an error; nothing where it is the plain name that it has."""
    if any(model.name == f"opus-mt-{source}-{target}" for model in _models()):
        return ""
    absent = f"opus-mt is not known to have {source} → {target} under that name"
    if not (others := models_for(source, target)):
        return f"{absent}."
    ends = {f"Helsinki-NLP/{model.name}": _single(model.source) and _single(model.target) for model in _models()}
    named = ", ".join(other if ends[other] else f"{other} (of several languages)" for other in others)
    return f"{absent}, but as {named}; choose one with `--text.models {source}-{target}={others[0]}`."


def known(source: str, target: str) -> str:
    """The languages that opus-mt is known to have with `source`, or with `target` if it has none with that; else nothing."""
    language = source if pairs_from(source) or pairs_into(source) else target
    there, back = set(pairs_from(language)), set(pairs_into(language))
    both = set(pivots_for(language))
    candidates = {*there, *back, *" ".join(GROUPS.values()).split()} - both - {language}
    others = {
        pivot
        for pivot in candidates
        if (pivot in there or models_for(language, pivot)) and (pivot in back or models_for(pivot, language))
    }
    lists = {
        f"From {language} and back, as a pivot needs, opus-mt has": both,
        "with `--text.models` for names that differ also": others,
        f"only from {language}": there - both - others,
        f"only into {language}": back - both - others,
    }
    said = "; ".join(f"{title}: {' '.join(sorted(listed))}" for title, listed in lists.items() if listed)
    return said[:1].upper() + said[1:] + "." if said else ""


def _covers(group: str, language: str) -> bool:
    return group == language or language in GROUPS.get(group, "").split()


def _plain(model: "_Model") -> bool:
    return model.name == f"opus-mt-{model.source}-{model.target}" and _single(model.source) and _single(model.target)


def _single(code: str) -> bool:
    return code == "jap" or (code not in GROUPS and code not in _FAMILIES and "_" not in code)


class _Model(NamedTuple):
    name: str
    source: str
    target: str


@cache
def _models() -> tuple[_Model, ...]:
    names = Path(__file__).with_name("opus_mt_models.txt").read_text(encoding="utf-8").split()
    return tuple(_Model(name, *found.groups()) for name in names if (found := _NAME.fullmatch(name)))
