"""Back-translation: plots to a pivot language and back, sentence by sentence, guarded."""
