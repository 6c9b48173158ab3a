"""The larder: films and their augmented views at rest, and the contract between augmenting and training."""
