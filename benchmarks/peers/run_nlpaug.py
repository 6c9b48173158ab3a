"""nlpaug's `BackTranslationAug`: batches of 32 in the order given, all padded to the longest of the list."""

from measure import Job, Translate, main


def load(job: Job) -> Translate:
    """Both models; nlpaug takes the number of beams from the checkpoints alone."""
    from nlpaug.augmenter.word import BackTranslationAug  # pyright: ignore[reportMissingImports]  # in the peers' venv

    limit = {"max_length": job.max_length} if job.max_length else {}
    tool = BackTranslationAug(from_model_name=job.there, to_model_name=job.back, device="cpu", **limit)
    if job.beams:
        for model in (tool.model.src_model, tool.model.tgt_model):
            model.generation_config.num_beams = job.beams
    return tool.augment


if __name__ == "__main__":
    main(load)
