"""What stands in for `pipeline("translation")` in transformers 5: a tokenizer, `generate`, and batches in the order given."""

from typing import Any

from measure import Job, Translate, main


def load(job: Job) -> Translate:
    """Both models. Option `batch_size`."""
    import torch
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    size = job.options.get("batch_size", 8)
    options = {"num_beams": job.beams} if job.beams else {}
    options |= {"max_length": job.max_length} if job.max_length else {}
    legs: list[tuple[Any, Any]] = [
        (AutoTokenizer.from_pretrained(folder), AutoModelForSeq2SeqLM.from_pretrained(folder).eval())
        for folder in (job.there, job.back)
    ]

    def translate(texts: list[str]) -> list[str]:
        for tokenizer, model in legs:
            done: list[str] = []
            for start in range(0, len(texts), size):
                inputs = tokenizer(texts[start : start + size], padding=True, return_tensors="pt")
                with torch.inference_mode():
                    done += tokenizer.batch_decode(model.generate(**inputs, **options), skip_special_tokens=True)
            texts = done
        return texts

    return translate


if __name__ == "__main__":
    main(load)
