"""EasyNMT with opus-mt: sorted by characters, batches of 16, beam 5 by default.

It looks for ``Helsinki-NLP/opus-mt-{source}-{target}``, which transformers finds in the working directory. Its sentence
splitter and its language detection need files from the network, so the language is given and the texts are not split: they are
sentences.
"""

import os

from measure import Job, Translate, main


def load(job: Job) -> Translate:
    """The models are loaded in the warm-up."""
    os.chdir(job.folder)
    from easynmt import EasyNMT  # pyright: ignore[reportMissingImports]  # in the peers' venv
    from easynmt.models import OpusMT  # pyright: ignore[reportMissingImports]

    tool = EasyNMT(translator=OpusMT(), device="cpu")
    options = {"perform_sentence_splitting": False}
    options |= {"beam_size": job.beams} if job.beams else {}
    options |= {"max_length": job.max_length} if job.max_length else {}

    def translate(texts: list[str]) -> list[str]:
        french = tool.translate(texts, source_lang="en", target_lang="fr", **options)
        return tool.translate(french, source_lang="fr", target_lang="en", **options)

    return translate


if __name__ == "__main__":
    main(load)
