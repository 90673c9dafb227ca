"""The oracle harness: numbered packets in, faults on the way, a judge at the end. See ../README.md."""
import pathlib
import sys

FAULT = pathlib.Path(__file__).resolve().parents[1]
REPOSITORY = FAULT.parents[1]
PYTHON = '/usr/bin/python3'  # Debian's own, for which Debian packages gRPC and pytest; another may come first in PATH

for _folder in (FAULT, FAULT.parent / 'e2e', FAULT.parent / 'support'):
    if str(_folder) not in sys.path:
        sys.path.insert(0, str(_folder))
