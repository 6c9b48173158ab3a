"""CTranslate2's `translate_batch` with the pieces of sentencepiece, as its documentation shows it for Marian checkpoints."""

import os
from pathlib import Path
from typing import Any

from measure import Job, Translate, main


def load(job: Job) -> Translate:
    """Both models, converted when they are first needed.

    Options: `compute_type`; `sorted` sorts by tokens, the longest first; all others go to `Translator` (those that it has)
    and to `translate_batch`.
    """
    import ctranslate2
    from sentencepiece import SentencePieceProcessor

    options = dict(job.options)
    presorted = options.pop("sorted", False)
    setup = {name: options.pop(name) for name in ("compute_type", "inter_threads", "intra_threads") if name in options}
    options |= {"beam_size": job.beams} if job.beams else {}
    options |= {"max_decoding_length": job.max_length} if job.max_length else {}
    english, french = (SentencePieceProcessor(str(Path(job.there, f"{side}.spm"))) for side in ("source", "target"))
    if job.threads and "inter_threads" not in setup:
        setup["intra_threads"] = job.threads
    legs: list[tuple[Any, Any, Any]] = []
    for folder, source, target in ((job.there, english, french), (job.back, french, english)):
        precision = setup.get("compute_type")
        converted = Path(job.folder, "ctranslate2", f"{Path(folder).name}-{precision}")
        if not (converted / "model.bin").is_file():
            from ctranslate2.converters import TransformersConverter  # brings torch, which translating does not need

            TransformersConverter(folder).convert(str(converted), quantization=precision, force=True)
        legs.append((ctranslate2.Translator(str(converted), **setup), source, target))

    def translate(texts: list[str]) -> list[str]:
        for translator, source, target in legs:
            rows = [[*pieces, "</s>"] for pieces in source.encode(texts, out_type=str)]
            order = sorted(range(len(rows)), key=lambda at: -len(rows[at])) if presorted else list(range(len(rows)))
            results = translator.translate_batch([rows[at] for at in order], **options)
            said = dict(zip(order, target.decode([result.hypotheses[0] for result in results]), strict=True))
            texts = [said[at] for at in range(len(rows))]
        return texts

    return translate


if __name__ == "__main__":
    os.environ.setdefault("CT2_VERBOSE", "-1")
    main(load)
