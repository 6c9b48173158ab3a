"""Back-translation side by side: nlpaug, TextAttack, EasyNMT, transformers, bare CTranslate2, and this project's engines.

    python benchmarks/back_translation.py --peers       without --peers, only what runs in this venv
    python benchmarks/back_translation.py --only ctranslate2 --only bare --sentences 48

All take the same sentences and the same weights and go English → French → English, each in a process of its own, one after the
other. The weights have opus-mt's size and are built to cipher their input (peers/copier.py), so no hub is needed, a translation
is as long as its source, and what comes back shows what a tool lost or cut. They, the converted ones and the peers' venv are
kept in `--folder` (about 1.5 GB). The embedded engine has its own small models: it is another task, and shown for its own sake.

Source tokens/s: tokens of the English sentences (the checkpoint's sentencepiece, without end marks), counted once, by the wall
time of both directions; loading and a warm-up of four sentences are not in it. CPU: the same by the processor time of all
threads. MB: largest resident set of the process, loading included. Lost: sentences without a text. Changed: those that do not
come back word for word. Kept: those that our guards kept as they were; their translation is in the time. Tools that gain little
from a longer list get an evenly spaced part of the sentences: of SENTENCES, nlpaug fills its batch of 32, and has less to pad
than in a longer list. With fewer sentences its batches are not full, and no target counts as measured.

Others: share of the machine that other programs took meanwhile. Two threads of torch that share a batch wait for one another in
a loop, and stand still where another program has the place of one: on a busy machine nlpaug took ten times as long with two
threads as with one. Where others took more than BUSY, no target counts as measured; `--threads 1` and the column CPU then
compare the work that the tools do.
"""

import argparse
import hashlib
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from peers.install import install, python_of
from peers.measure import Job, Result
from peers.plan import AS_IT_COMES, BEAM, GREEDY, SENTENCES, TARGETS, Tool, tables, verdict
from sentencepiece import SentencePieceProcessor

from augment.text import sentences as segmentation
from augment.text.engines import ct2

PEERS = Path(__file__).parent / "peers"
BUNDLED = Path(__file__).parents[1] / "datasets_cache/bundled/films.jsonl"
REAL = Path(__file__).parents[2] / "shared/data"
MAX_LENGTH = 512
LONG_TOKENS = 600
SECONDS = 600
BEAMS = {GREEDY: 1, BEAM: 4, AS_IT_COMES: None}
CPUS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True)
class Bench:
    """What all tools share."""

    folder: Path
    """Of the venv."""
    weights: Path
    sentences: list[str]
    long: str
    """One sentence of more tokens than the model has positions."""
    pieces: SentencePieceProcessor
    threads: int | None

    def part(self, tool: Tool) -> list[str]:
        """Sentences that a tool gets."""
        return self.sentences[:: tool.part]

    def tokens(self, texts: Sequence[str]) -> int:
        """Source tokens, without end marks."""
        return sum(map(len, self.pieces.encode(list(texts))))


def plots() -> Iterator[str]:
    """Those beside the checkout, else the bundled ones."""
    for path in sorted(REAL.glob("moviescope-mini/*.jsonl")):
        yield from (json.loads(line)["synopsis"] or "" for line in path.read_text(encoding="utf-8").splitlines())
    for path in sorted(REAL.glob("mmimdb-mini/dataset/*.json")):
        yield max(json.loads(path.read_text(encoding="utf-8")).get("plot") or [""], key=len)
    if not REAL.is_dir():
        yield from (json.loads(line)["synopsis"] for line in BUNDLED.read_text(encoding="utf-8").splitlines())


def prepare(folder: Path, count: int, threads: int | None) -> Bench:
    """Sentences, and the weights for them."""
    split = (sentence for plot in plots() for sentence, _ in segmentation.split(plot))
    normal = (unicodedata.normalize("NFKC", " ".join(sentence.split())) for sentence in split if len(sentence) >= 10)
    at_hand = list(dict.fromkeys(normal))
    content = hashlib.sha256("\n".join([(PEERS / "copier.py").read_text(encoding="utf-8"), *at_hand]).encode()).hexdigest()
    weights = folder / f"weights-{content[:12]}"
    if not (weights / "done").is_file():
        print(f"Writing weights to {weights} (once)", flush=True)
        from peers import copier

        copier.write(weights, at_hand)
    pieces = SentencePieceProcessor(str(weights / "en.spm"))
    random.Random(1).shuffle(at_hand)
    short = [sentence for sentence in at_hand if len(pieces.encode(sentence)) < 200][:count]
    long = ""
    for sentence in at_hand[count:]:
        if len(pieces.encode(long)) < LONG_TOKENS:
            long += ", " * bool(long) + sentence.rstrip(".!?\"' ").replace(". ", ", ")
    where = REAL.resolve() if REAL.is_dir() else BUNDLED.name
    print(f"{len(short)} of {len(at_hand)} distinct sentences of {where}")
    return Bench(folder, weights, short, long + ".", pieces, threads)


def run(bench: Bench, tool: Tool, **job: object) -> Result:
    """A tool's result, in a process of its own."""
    python = python_of(bench.folder) if tool.is_peer else Path(sys.executable)
    if not python.is_file():
        return Result(errors=["not installed: run with --peers"])
    aside = {
        "HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error", "TOKENIZERS_PARALLELISM": "false",
        "TA_CACHE_DIR": str(bench.folder / "textattack"), "NLTK_DATA": str(bench.folder / "nltk_data"),
    }  # fmt: skip
    aside |= {"OMP_NUM_THREADS": str(bench.threads)} if bench.threads else {}
    words = bench.folder / "nltk_data/corpora/stopwords/english"
    words.parent.mkdir(parents=True, exist_ok=True)
    words.write_text("the\n")  # TextAttack does not import without this file, which it would download
    asked = Job(folder=str(bench.weights), options=tool.options, threads=bench.threads, **job)  # type: ignore[arg-type]
    with tempfile.TemporaryDirectory() as scratch:
        given, seen = Path(scratch, "job.json"), Path(scratch, "result.json")
        given.write_text(json.dumps(asdict(asked)), encoding="utf-8")
        command = [str(python), str(PEERS / tool.file), str(given), str(seen)]
        before = busy_seconds()
        try:
            done = subprocess.run(
                command, env=os.environ | aside, cwd=scratch, timeout=SECONDS, capture_output=True, text=True, check=False
            )
        except subprocess.TimeoutExpired:
            return Result(errors=[f"not done after {SECONDS} s"])
        if seen.is_file():
            result = Result(**json.loads(seen.read_text(encoding="utf-8")))
            result.others = share_of_others(before, busy_seconds())
            return result
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return Result(errors=[f"exit code {done.returncode}: {last[:200]}"])


def convert(bench: Bench, tool: Tool) -> None:
    """Let a tool that converts the weights do so before it is measured: its memory is not that of translating."""
    precision = tool.options.get("compute_type") or tool.options.get("dtype")
    done = bench.weights / f"converted-{tool.key}-{precision}"
    if tool.key in ("bare", "ctranslate2") and not done.is_file():
        result = run(bench, tool, sentences=bench.sentences[:1], warm_up=[])
        if not result.errors:
            done.touch()


def busy_seconds() -> tuple[float, float, float] | None:
    """Of all processors, of the processes that this one has run and waited for, and the clock; None: not known here."""
    stat = Path("/proc/stat")
    if not stat.is_file():
        return None
    user, nice, system, _idle, _wait, irq, softirq, steal = map(int, stat.read_text().split()[1:9])
    mine = resource.getrusage(resource.RUSAGE_CHILDREN)
    ticks = user + nice + system + irq + softirq + steal
    return ticks / os.sysconf("SC_CLK_TCK"), mine.ru_utime + mine.ru_stime, time.perf_counter()


def share_of_others(before: tuple[float, float, float] | None, after: tuple[float, float, float] | None) -> float | None:
    """Share of the machine's processor time between two readings that was not ours."""
    if before is None or after is None:
        return None
    everyone, mine, clock = (late - early for late, early in zip(after, before, strict=True))
    return max(0.0, everyone - mine) / (clock * (os.cpu_count() or 1))


def same(text: str | None, source: str) -> bool:
    """Whether it says the same words."""
    return text is not None and unicodedata.normalize("NFKC", text).split() == source.split()


def table(bench: Bench, name: str, rows: Sequence[Tool], known: dict[tuple[str, str], Result]) -> None:
    """Measure the tools of a table, then print it."""
    for tool in rows:
        if tool.same_as:
            known[name, tool.name] = known.get((tool.same_as, tool.name), Result(errors=[f"not in the table {tool.same_as}"]))
            continue
        print(f"  {name}: {tool.name}", file=sys.stderr, flush=True)
        convert(bench, tool)
        beams = BEAMS[name]
        known[name, tool.name] = run(
            bench, tool, sentences=bench.part(tool), warm_up=bench.sentences[:4], beams=beams,
            max_length=MAX_LENGTH if beams else None,
        )  # fmt: skip
    heads = ["", "sentences", "tokens/s", "CPU", "xnlpaug", "xpipeline", "MB", "others", "lost", "changed", "kept"]
    print(f"\n{name}\n{heads[0]:42}" + "".join(f"{head:>10}" for head in heads[1:]))
    base = {key: fastest(bench, rows, known, name, key) for key in ("nlpaug", "pipeline")}
    for tool in rows:
        result, texts = known[name, tool.name], bench.part(tool)
        if result.errors:
            print(f"{tool.name:42}  {result.errors[0]}")
            continue
        now = rate(bench, tool, result)
        ratios = [f"{now / base[key]:.2f}" if base[key] else "-" for key in ("nlpaug", "pipeline")]
        lost = len(texts) - sum(bool(text and text.strip()) for text in result.texts)
        pairs = zip(result.texts, texts, strict=False)
        changed = "-" if tool.key == "bergamot" else sum(not same(text, source) for text, source in pairs)
        cpu = bench.tokens(texts) / result.cpu_seconds
        others = "-" if result.others is None else f"{result.others:.0%}"
        cells = [len(texts), f"{now:.1f}", f"{cpu:.1f}", *ratios, f"{result.peak_mb:.0f}", others, lost, changed, result.kept]
        print(f"{tool.name:42}" + "".join(f"{cell:>10}" for cell in cells))


def rate(bench: Bench, tool: Tool, result: Result) -> float:
    """Source tokens a second; 0 where it failed."""
    return bench.tokens(bench.part(tool)) / result.seconds if result.seconds and not result.errors else 0.0


def fastest(bench: Bench, rows: Sequence[Tool], known: dict[tuple[str, str], Result], name: str, which: str) -> float:
    """Source tokens a second of the fastest row with this key or name."""
    rates = [rate(bench, tool, known[name, tool.name]) for tool in rows if which in (tool.key, tool.name)]
    return max(rates, default=0.0)


def targets(bench: Bench, rows: dict[str, list[Tool]], known: dict[tuple[str, str], Result]) -> None:
    """Print whether each target is met."""
    print("\ntargets")
    for name, ours, others, least in TARGETS:
        for other in others:
            mine, theirs = (fastest(bench, rows[name], known, name, which) for which in (ours, other))
            pair = [tool for tool in rows[name] if {ours, other} & {tool.key, tool.name}]
            busy = max((known[name, tool.name].others or 0 for tool in pair), default=0.0)
            said = verdict(mine, theirs, least, busy=busy, sentences=len(bench.sentences))
            print(f"  {name}: {ours} against {other}, at least {least}x: {said}")


def limits(bench: Bench, rows: Sequence[Tool]) -> None:
    """Print what becomes of an overlong sentence, and of an empty and a repeated one, by each tool's own limits."""
    odd = [bench.sentences[0], "", bench.sentences[1], bench.sentences[0]]
    print(f"\na sentence of {bench.tokens([bench.long])} tokens; and a list of 4 with an empty and a repeated one (greedy)")
    for tool in rows:
        result = run(bench, tool, sentences=[bench.long], warm_up=odd, beams=None if tool.key == "bergamot" else 1)
        text = (result.texts or [None])[0] or ""
        share = len(text.split()) / len(bench.long.split())
        ends = text.split()[-3:] == bench.long.split()[-3:]
        long = "whole" if same(text, bench.long) else f"{share:.0%} of its words, {'with' if ends else 'without'} its end"
        counted = result.warm_up_error or f"{len(result.warm_up)} came back"
        print(f"{tool.name.split(' (')[0]:42}  {result.errors[0] if result.errors else long}; {counted}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", type=int, default=SENTENCES)
    parser.add_argument("--folder", type=Path, default=Path("~/.cache/mmuda-benchmark"))
    parser.add_argument("--peers", action="store_true", help="install the other tools first, in a venv of their own")
    keys = sorted({tool.key for rows in tables(cpus=1, batch_tokens=1).values() for tool in rows})
    parser.add_argument("--only", action="append", choices=keys, help="measure this tool alone; may be given several times")
    parser.add_argument("--threads", type=int, help="of every tool; by default as each tool does")
    given = parser.parse_args()
    began = time.perf_counter()
    folder = given.folder.expanduser().resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if given.peers:
        install(folder)
    bench = prepare(folder, given.sentences, given.threads)
    print(f"{bench.tokens(bench.sentences)} source tokens; load {os.getloadavg()[0]:.1f} on {CPUS} CPUs")
    everything = tables(cpus=given.threads or CPUS, batch_tokens=ct2.BATCH_TOKENS["cpu"])
    rows = {name: [tool for tool in tools if not given.only or tool.key in given.only] for name, tools in everything.items()}
    known: dict[tuple[str, str], Result] = {}
    for name, tools in rows.items():
        table(bench, name, tools, known)
    targets(bench, rows, known)
    by_key = {tool.key: tool for name in (BEAM, GREEDY, AS_IT_COMES) for tool in reversed(rows[name])}
    limits(bench, [by_key[tool.key] for tool in [*rows[AS_IT_COMES], *rows[GREEDY]] if by_key.get(tool.key) is tool])
    print(f"{(time.perf_counter() - began) / 60:.0f} minutes; load {os.getloadavg()[0]:.1f} at the end")


if __name__ == "__main__":
    main()
