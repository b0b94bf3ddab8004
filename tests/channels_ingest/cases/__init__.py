"""What the contract suite has to know of each channel: one module a kind, with `CASE`."""
