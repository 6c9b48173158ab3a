"""`pipeline("translation")` of transformers 4: one text a batch by default, in the order given."""

from typing import Any

from measure import Job, Translate, main


def load(job: Job) -> Translate:
    """Both pipelines. Option `batch_size`."""
    from transformers import pipeline

    options = dict(job.options)
    options |= {"num_beams": job.beams} if job.beams else {}
    options |= {"max_length": job.max_length, "max_new_tokens": None} if job.max_length else {}
    make: Any = pipeline  # the task is gone in transformers 5, and from its types
    there, back = (make("translation", model=folder, device="cpu") for folder in (job.there, job.back))

    def translate(texts: list[str]) -> list[str]:
        french = [done["translation_text"] for done in there(texts, **options)]
        return [done["translation_text"] for done in back(french, **options)]

    return translate


if __name__ == "__main__":
    main(load)
