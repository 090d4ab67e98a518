#!/bin/sh
# Prints the command of a Python 3.11, or says in one line that one is needed.
for python in python3.11 python3 python; do
    if "$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
        command -v "$python"
        exit 0
    fi
done
echo "error: Python 3.11 is needed (the newest that TensorFlow 2.15 and this tree were tested on); install it so that 'python3.11' or 'python3' runs it (on Debian and Ubuntu with the package python3.11-venv)." >&2
exit 1
