"""What all tests share."""

import os
from pathlib import Path

# Programs that tests start find the tests' own support package as the tests do.
_FOLDERS = [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, _FOLDERS))
