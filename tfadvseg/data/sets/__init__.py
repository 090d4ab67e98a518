"""One file per dataset: what it is, which flags it listens to, how it is opened."""
