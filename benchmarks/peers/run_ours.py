"""This project's `back_translate`, with its guards, and its second try where it comes with one."""

import os

from measure import Job, Kept, Translate, main


def load(job: Job) -> Translate:
    """Both legs. Options: those of `BackTranslationSpec`."""
    os.environ["MMUDA_CACHE"] = f"{job.folder}/ours"  # converted checkpoints are kept there
    from augment.text.back_translation import back_translate
    from augment.text.engines.build import retry_translators, translators
    from augment.text.quality import Guards
    from augment.text.spec import BackTranslationSpec

    options = dict(job.options)
    if options["engine"] != "bergamot":
        options["models"] = {"en-fr": job.there, "fr-en": job.back}
    if job.beams:
        options |= {"decoding": "greedy"} if job.beams == 1 else {"decoding": "beam", "beams": job.beams}
    spec = BackTranslationSpec(**options)
    legs, again = translators(spec, threads=job.threads), retry_translators(spec, threads=job.threads)
    guards = Guards(
        min_chars=spec.min_chars, max_length_change=spec.max_length_change, max_repeats=spec.max_repeats,
        untranslated=spec.check_copies, language=spec.source if spec.check_language else None, pivots=spec.pivots,
    )  # fmt: skip
    for leg in legs:
        leg.load()

    def translate(texts: list[str]) -> list[str]:
        made = back_translate(texts, legs, retry=again, guards=guards)
        return [Kept(done.text) if done.kept else done.text for done in made]

    return translate


if __name__ == "__main__":
    main(load)
