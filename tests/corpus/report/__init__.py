"""What hybridlab and others say of the corpus: `python -m corpus.report` makes docs/corpus.md."""
