"""Speed, measured: each figure beside a floor taken in the same run. `make bench`, or parts of it: `make bench
ONLY="door live"`.
"""
