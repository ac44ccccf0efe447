"""``python -m trailkeep``."""

from trailkeep.cli.main import main

main()
