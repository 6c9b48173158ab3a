"""TextAttack's `BackTranslation`, the transformation itself: one text a call, as it is made."""

from measure import Job, Translate, main


def load(job: Job) -> Translate:
    """Both models; TextAttack takes the number of beams and the limit from the checkpoints alone."""
    from textattack.shared import AttackedText  # pyright: ignore[reportMissingImports]  # in the peers' venv
    from textattack.transformations.sentence_transformations import back_translation  # pyright: ignore[reportMissingImports]

    tool = back_translation.BackTranslation(src_lang="en", target_lang="fr", src_model=job.back, target_model=job.there)
    for model in (tool.src_model, tool.target_model):
        model.generation_config.num_beams = job.beams or model.generation_config.num_beams
        model.generation_config.max_length = job.max_length or model.generation_config.max_length
    return lambda texts: [tool(AttackedText(text))[0].text for text in texts]


if __name__ == "__main__":
    main(load)
