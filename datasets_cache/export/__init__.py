"""Cache versions for others: a dataset in the Hub's format, or folders of plain files."""
