"""The commands."""

import os

# numpy's linear algebra, which nothing here uses, starts a thread for each core when numpy is imported: 50 ms of CPU.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
