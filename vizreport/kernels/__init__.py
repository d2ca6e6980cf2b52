"""The hot loops over events. ``replay`` is the best there is on this machine; reference.py is its plain numpy twin."""

from vizreport.kernels.reference import replay

__all__ = ["replay"]
