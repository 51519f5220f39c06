#!/usr/bin/env bash
# Sets up .venv/ for `make test` and `make demo`: a virtual environment with both packages installed in place,
# and the system libraries that rendering without a display needs. Does nothing when .venv/ is up to date.
#
#   PYTHON=/path/to/python3.11 tools/setup.sh      another interpreter than the first python3.11 or python3 found
#   CREND_NO_APT=1 tools/setup.sh                  never call apt-get, only say what is missing
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

VENV=.venv
EXTRAS=openvino,gpu,training,test,lint,docs
# One soname that must be loadable for each Debian package: PySide6 (offscreen platform), VTK (EGL, software Mesa).
LIBRARIES="libegl1=libEGL.so.1 libgl1=libGL.so.1 libegl-mesa0=libEGL_mesa.so.0 libgl1-mesa-dri=dri/swrast_dri.so
  libx11-6=libX11.so.6 libxrender1=libXrender.so.1 libxkbcommon0=libxkbcommon.so.0 libdbus-1-3=libdbus-1.so.3
  libfontconfig1=libfontconfig.so.1 fonts-dejavu-core=fonts/truetype/dejavu/DejaVuSans.ttf
  libglib2.0-0=libglib-2.0.so.0 libgomp1=libgomp.so.1"

say() { printf 'setup: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# True when a file of this name lies in one of the folders that the loader, Mesa or fontconfig looks into.
present() {
  local folder
  for folder in /usr/lib/*-linux-gnu /lib/*-linux-gnu /usr/lib64 /usr/lib /usr/local/lib /usr/share; do
    if [ -e "$folder/$1" ]; then return 0; fi
  done
  return 1
}

missing_libraries() {
  local pair
  for pair in $LIBRARIES; do
    present "${pair#*=}" || echo "${pair%%=*}"
  done
}

# apt-get where that is allowed; the command to type where it is not.
install_packages() {
  if [ "$(id -u)" != 0 ] || [ -n "${CREND_NO_APT:-}" ] || ! command -v apt-get >/dev/null; then
    say "please install: sudo apt-get install --no-install-recommends $*"
    return 1
  fi
  say "installing system packages: $*"
  export DEBIAN_FRONTEND=noninteractive
  apt-get -qq -o DPkg::Lock::Timeout=300 update >/dev/null || say "apt-get update failed, trying with the lists at hand"
  apt-get -qq -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "$@" >/dev/null
}

find_python() {
  local candidate
  for candidate in "${PYTHON:-python3.11}" python3.11 python3; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
  die "Python 3.11 was not found (slicer-core's wheels need it): apt-get install python3.11 python3.11-venv, or set PYTHON"
}

# What the environment was made from; a change of any of it makes the environment again.
fingerprint() { cat pyproject.toml constraints.txt tools/setup.sh | sha256sum | cut -d' ' -f1; }

# Two runs in one checkout (make -j, a test beside a demo) wait for each other.
if command -v flock >/dev/null; then
  exec 9>.setup.lock
  flock 9
fi

missing=$(missing_libraries)
if [ -n "$missing" ]; then
  # shellcheck disable=SC2086
  install_packages $missing || say "without them the Slicer views, the demo's picture and their tests do not run"
fi

stamp=$VENV/.crend-setup
if [ -x $VENV/bin/python ] && [ "$(cat $stamp 2>/dev/null)" = "$(fingerprint)" ]; then
  exit 0
fi

python=$(find_python)
if [ ! -x $VENV/bin/python ] || ! $VENV/bin/python -m pip --version >/dev/null 2>&1; then
  say "making $VENV with $python"
  if ! "$python" -c 'import ensurepip' 2>/dev/null; then
    install_packages python3.11-venv || die "Python's venv module is incomplete"
  fi
  rm -rf $VENV
  "$python" -m venv $VENV
fi

say "installing Python packages (about 3 GB on disk, several minutes the first time)"
rm -f $stamp
quiet=--progress-bar=on
if [ ! -t 2 ]; then quiet=-qq; fi
$VENV/bin/python -m pip install --no-input --disable-pip-version-check $quiet --prefer-binary --no-compile \
  --constraint constraints.txt --editable ".[$EXTRAS]" </dev/null >&2 ||
  die "pip could not install the packages; the lines above say why. Running the same command again goes on from its cache"
# pip would compile one file after the other; some packages hold templates that are no Python.
$VENV/bin/python -m compileall -q -j 0 $VENV/lib >/dev/null 2>&1 || true

# A leftover of an interrupted installation or a clash of versions shows here and not in the middle of a test.
$VENV/bin/python -c 'import crend, numpy, scipy, SimpleITK, slicer, torch, vtk' >&2 ||
  die "the environment is incomplete: remove $VENV and run this again"
fingerprint >$stamp
say "done"
