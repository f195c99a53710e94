#!/bin/sh
# Create .venv and install the package with everything it needs, at the versions of
# constraints.txt. PYTHON names the interpreter; run by `make setup`.
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    { echo "signbit needs Python 3.11 or newer; set PYTHON=/path/to/it" >&2; exit 1; }
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    # Debian keeps these two in a package of their own.
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get update -qq && apt-get install -y -qq --no-install-recommends python3-venv
    else
        echo "Python's venv is missing; run: sudo apt-get install python3-venv" >&2; exit 1
    fi
fi
[ -x .venv/bin/python ] || "$python" -m venv .venv

# PyPI's torch for Linux brings CUDA with it, several GB. The builds for the CPU lie in an index
# of their own; where that cannot be reached, pip takes what its configured indexes offer.
torch_index=https://download.pytorch.org/whl/cpu
torch=$(grep '^torch==' constraints.txt)
if .venv/bin/python - "$torch_index/torch/" 2>/dev/null <<'PYTHON'
import sys, urllib.request
urllib.request.urlopen(sys.argv[1], timeout=5).close()
PYTHON
then
    .venv/bin/pip install --quiet --disable-pip-version-check --index-url "$torch_index" \
        --extra-index-url https://pypi.org/simple "$torch" -c constraints.txt
else
    echo "install: $torch_index cannot be reached; torch comes from pip's own indexes" >&2
    .venv/bin/pip install --quiet --disable-pip-version-check "$torch" -c constraints.txt
fi

# uv resolves and installs the rest several times faster than pip.
.venv/bin/pip install --quiet --disable-pip-version-check uv -c constraints.txt
.venv/bin/uv pip install --quiet --python .venv/bin/python --constraints constraints.txt \
    --build-constraints constraints.txt --editable '.[train,export,import,data,peers,ray]' --group dev
touch .venv/.ready
