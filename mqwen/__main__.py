"""``python -m mqwen`` is the command ``mqwen``."""

import sys

from mqwen.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
