"""Translation engines, each behind the small protocol of ``augment.text.engines.protocol``."""
