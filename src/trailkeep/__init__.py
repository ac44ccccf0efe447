"""Trailkeep keeps an AWS organization's CloudTrail history safe, provable and searchable.

The public surface is the command line (``trailkeep --help``) and the functions in
:mod:`trailkeep.workflows`; everything else may change between releases.
"""

__version__ = "0.1.0"
__all__ = ["__version__"]
