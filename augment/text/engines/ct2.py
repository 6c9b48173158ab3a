"""Marian checkpoints (opus-mt) through CTranslate2, on CPU or CUDA: the same models as `marian`, quantised and faster."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import KW_ONLY, dataclass
from typing import Any

from augment.text.engines import checkpoints, ct2_models, tokens
from augment.text.engines.batching import by_token_budget, length_limit
from augment.text.engines.ct2_models import Ct2Model, Ct2Precision
from augment.text.engines.protocol import Encoded, Translated
from augment.text.engines.tokens import Tokens
from augment.text.seeds import derive
from augment.text.spec import Decoding
from datasets_cache.store import default_root

BATCH_TOKENS = {"cpu": 2048, "cuda": 8192}
"""Source tokens of a batch, padding included, where the caller names none."""
BATCHES_OF_A_DRAW = {"cpu": 2, "cuda": 8}
"""Batches that draw from one generator; each generator costs the loading of a model, so it is to be used for seconds."""
TOP_P_AMONG = 1024
"""CUDA: `top_p` without `top_k` looks at so many of the likeliest tokens; CTranslate2 sorts no more there."""


@dataclass(frozen=True)
class CTranslate2Translator:
    """One direction by one Marian checkpoint, converted for CTranslate2.

    Greedy and beam search: a translation depends on the sentence, and on the batch only as far as floating-point sums do. The
    number of threads changes nothing, since one thread works on a batch.

    Deviation: sampling. CTranslate2 has one generator a worker thread, where `marian` has one a sentence: a sentence's draw
    depends on all sentences and seeds of the call and on `batch_tokens`, where with `marian` it depends on the sentence and
    its seed alone. The same call gives the same texts, whatever was translated before or beside it, in any process and with
    any number of threads; on CUDA as long as no batch has to be halved for want of memory.

    Deviation: beam search ends a sentence as soon as it has as many finished translations as beams (`early_stopping=True` of
    transformers), where transformers by default goes on as long as a better one could come. Scores are those of transformers.
    """

    source: str
    target: str
    model: str
    """Repository on the Hub, or local folder."""
    revision: str | None = None
    """Commit of the repository; None: the newest."""
    _: KW_ONLY
    target_code: str | None = None
    """Of a checkpoint with several target languages: the code to ask for; None: found by the target."""
    decoding: Decoding = "sampling"
    temperature: float = 0.8
    top_k: int | None = None
    top_p: float | None = None
    beams: int = 4
    dtype: Ct2Precision = "int8"
    device: str = "auto"
    """`auto` takes CUDA where there is one."""
    threads: int | None = None
    """Batches at once on the CPU, each in one thread; by default as many as there are processors for this process."""
    batch_tokens: int | None = None
    """Source tokens of a batch, padding included; by default as the device likes it."""

    @property
    def direction(self) -> str:
        """For people."""
        return f"{self.source} → {self.target}"

    @property
    def models(self) -> Mapping[str, str]:
        """The checkpoint by commit, a local one by checksum.

        Raises:
            ValueError: see `checkpoints.identity`.
        """
        return {self.direction: checkpoints.identity(self.model, self.revision)}

    @property
    def draws(self) -> bool:
        """Whether it samples."""
        return self.decoding == "sampling"

    def load(self) -> None:
        """Convert the checkpoint where that has not been done yet, and load it now.

        Raises:
            MissingModel: it is neither on this machine nor within reach, or ctranslate2 is not installed.
            ValueError: the folder is not a Marian checkpoint, it has no such target language, the device is not there or does
                not have the precision, or the cache cannot be written.
        """
        self._loaded()

    def encode(self, sentences: Sequence[str]) -> list[Encoded | None]:
        """Tokenise; None where the model has no room for a sentence and for a translation of twice its tokens."""
        model, vocabulary = self._loaded()
        room = model.conversion.positions // 2
        rows = vocabulary.encode(sentences)
        return [Encoded(sentence, row) if len(row) <= room else None for sentence, row in zip(sentences, rows, strict=True)]

    def translate(self, sentences: Sequence[Encoded], *, seeds: Sequence[int]) -> Iterator[Translated]:
        """Translate `sentences` in batches of like length, the longest first.

        Raises:
            ValueError: see `load`.
        """
        model, vocabulary = self._loaded()
        call = _Call(self, model, vocabulary, sentences, seeds)
        ahead = deque[Future[list[Translated]]]()
        at_once = model.threads + 1  # one gets its batch ready while the others' are worked on
        with ThreadPoolExecutor(at_once, thread_name_prefix="ctranslate2") as pool:
            try:
                for job in call.jobs():
                    ahead.append(pool.submit(call.run, job))
                    if len(ahead) > 2 * at_once:
                        yield from ahead.popleft().result()
                while ahead:
                    yield from ahead.popleft().result()
            finally:
                for waiting in ahead:
                    waiting.cancel()

    def _loaded(self) -> tuple[Ct2Model, Tokens]:
        folder = checkpoints.locate(self.model, self.revision, source=self.source, target=self.target)
        vocabulary = tokens.load(folder, source=self.source, target=self.target, target_code=self.target_code)
        identity = checkpoints.identity(self.model, self.revision)
        root = default_root()
        return ct2_models.load(folder, identity, self.dtype, device=self.device, threads=self.threads, root=root), vocabulary


@dataclass(frozen=True)
class _Call:
    """One call of `CTranslate2Translator.translate`."""

    settings: CTranslate2Translator
    model: Ct2Model
    vocabulary: Tokens
    sentences: Sequence[Encoded]
    seeds: Sequence[int]

    def jobs(self) -> list[list[list[int]]]:
        """Positions of the sentences in batches, and the batches in jobs: those that share a generator, else each alone."""
        budget = (self.settings.batch_tokens or BATCH_TOKENS[self.model.device]) // self._rows_each
        batches = by_token_budget([len(sentence.tokens) for sentence in self.sentences], max(1, budget))
        if not self.settings.draws:
            return [[batch] for batch in batches]
        number = -(-len(batches) // BATCHES_OF_A_DRAW[self.model.device])
        return [batches[start::number] for start in range(number)]  # every job gets long and short ones

    def run(self, job: list[list[int]]) -> list[Translated]:
        """Translate the batches of a job one after the other."""
        if not self.settings.draws:
            return [translated for batch in job for translated in self._batch(self.model.translator, batch)]
        seed = derive(*(self.seeds[at] for batch in job for at in batch))
        largest = max(job, key=len)
        first = [self._ids(at) for at in (largest if self.model.device == "cuda" else largest[:1])]
        options = self._search()
        with self.model.with_generator(seed, lambda new: new.translate_batch(first, max_decoding_length=1, **options)) as alone:
            return [translated for batch in job for translated in self._batch(alone, batch)]

    def _ids(self, at: int) -> list[str]:
        """Ids of a sentence, which are the tokens of a converted model."""
        return [str(token) for token in self.sentences[at].tokens]

    @property
    def _rows_each(self) -> int:
        """Rows of a batch that a sentence takes."""
        return self.settings.beams if self.settings.decoding == "beam" else 1

    def _batch(self, translator: Any, batch: list[int]) -> list[Translated]:
        """Translate a batch, in halves where it does not fit into the card's memory."""
        size = len(batch) * max(len(self.sentences[at].tokens) for at in batch) * self._rows_each
        if len(batch) == 1 or size <= _fits.get(self.model.device, size):
            if (made := self._attempt(translator, batch)) is not None:
                return made
            if len(batch) == 1:
                return [Translated(batch[0], "", "engine failed")]
            _fits[self.model.device] = min(size // 2, _fits.get(self.model.device, size))
        half = len(batch) // 2
        return self._batch(translator, batch[:half]) + self._batch(translator, batch[half:])

    def _attempt(self, translator: Any, batch: list[int]) -> list[Translated] | None:
        """The translations of a batch; None if the card's memory was not enough."""
        rows = [self._ids(at) for at in batch]
        limits = [length_limit(len(row), self.model.conversion.positions) for row in rows]
        try:
            results = translator.translate_batch(rows, max_decoding_length=max(limits), **self._search())
        except RuntimeError as error:
            if "out of memory" not in str(error):
                raise
            return None
        assert len(results) == len(batch), f"{len(batch)} sentences went in, {len(results)} came back"
        end = str(self.model.conversion.end)
        said = [[int(token) for token in result.hypotheses[0] if token != end] for result in results]
        texts = self.vocabulary.decode([body[:limit] for body, limit in zip(said, limits, strict=True)])
        return [
            Translated(at, text, None if len(body) < limit else "unfinished")
            for at, text, body, limit in zip(batch, texts, said, limits, strict=True)
        ]

    def _search(self) -> dict[str, Any]:
        """What `translate_batch` is told beside the sentences and their limit."""
        settings, conversion = self.settings, self.model.conversion
        options = {
            "max_input_length": 0,  # by default it cuts sentences
            "min_decoding_length": 0,
            "return_end_token": True,  # so that it counts in the length that a score is divided by, as in transformers
            "suppress_sequences": [[str(number) for number in sequence] for sequence in conversion.suppressed],
            "repetition_penalty": conversion.repetition_penalty,
            "no_repeat_ngram_size": conversion.no_repeat_ngram_size,
        }
        match settings.decoding:
            case "greedy":
                return options | {"beam_size": 1, "sampling_topk": 1}
            case "beam":
                return options | {"beam_size": settings.beams, "length_penalty": conversion.length_penalty}
            case "sampling":
                likeliest = settings.top_k or (TOP_P_AMONG if settings.top_p and self.model.device == "cuda" else 0)
                return options | {
                    "beam_size": 1,
                    "sampling_topk": min(likeliest, conversion.vocabulary),  # 0: all
                    "sampling_topp": settings.top_p or 1.0,
                    "sampling_temperature": settings.temperature,
                }


_fits: dict[str, int] = {}
"""Source tokens of a batch, all beams together, by device: what may fit, once a batch did not."""
