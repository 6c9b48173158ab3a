"""The kitchen: offline views of films, back-translated plots and RandAugment-ed posters."""
