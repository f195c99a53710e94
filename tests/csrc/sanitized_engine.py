"""Run the engine's tests and its fuzzer with an engine built with sanitizers.

Configures and builds the extension in a folder of its own, then runs pytest there with the
sanitizers' runtime loaded first. Leaks are not looked for: the interpreter keeps what it likes.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# The editable installation answers imports of the package before any path does.
RUN = """
import runpy, sys
sys.meta_path = [f for f in sys.meta_path if type(f).__name__ != "ScikitBuildRedirectingFinder"]
import signbit.runtime._engine as engine
assert engine.__file__.startswith(sys.argv[1]), engine.__file__
sys.argv = sys.argv[2:]
runpy.run_path(sys.argv[0], run_name="__main__") if sys.argv[0].endswith(".py") else \\
    runpy.run_module(sys.argv[0], run_name="__main__")
"""


def build(folder: Path, sanitizers: str) -> Path:
    flags = f"-fsanitize={sanitizers} -fno-sanitize-recover=all -g"
    cmake = [Path(sys.executable).with_name("cmake")]
    options = [f"-DPython_EXECUTABLE={sys.executable}", f"-DCMAKE_CXX_FLAGS={flags}"]
    options.append("-DSIGNBIT_OPTIMIZATION=-O1")
    subprocess.run(
        [*cmake, "-S", ROOT, "-B", folder / "build", "-DCMAKE_BUILD_TYPE=None", *options],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    subprocess.run(
        [*cmake, "--build", folder / "build", "-j2"], check=True, stdout=subprocess.DEVNULL
    )
    package = folder / "package"
    shutil.copytree(ROOT / "src", package, ignore=shutil.ignore_patterns("__pycache__"))
    for engine in (folder / "build").glob("_engine*.so"):
        shutil.copy(engine, package / "signbit" / "runtime")
    return package


def runtime(name: str) -> str:
    command = ["g++", f"-print-file-name=lib{name}.so"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--thread", action="store_true", help="ThreadSanitizer instead")
    parser.add_argument("--fuzz-seconds", type=int, default=20)
    options = parser.parse_args()
    preload = [runtime("tsan")] if options.thread else [runtime("asan"), runtime("ubsan")]
    with tempfile.TemporaryDirectory() as name:
        package = build(Path(name), "thread" if options.thread else "address,undefined")
        environment = os.environ | {
            "PYTHONPATH": str(package),
            "LD_PRELOAD": " ".join(preload),
            "ASAN_OPTIONS": f"detect_leaks=0 log_path={name}/report",
            "UBSAN_OPTIONS": f"log_path={name}/report",
            "TSAN_OPTIONS": f"exitcode=66 log_path={name}/report",
            "OMP_NUM_THREADS": "1",
        }
        tests = ["pytest", "-q", "-p", "no:cacheprovider", str(ROOT / "tests/runtime")]
        # Under qemu's user mode the sanitizers' runtime finds no room for its shadow memory.
        tests += ["--ignore", str(ROOT / "tests/runtime/test_isas.py")]
        fuzz = [str(ROOT / "tests/fuzz/fuzz_file.py"), "--seconds", str(options.fuzz_seconds)]
        for what in [tests] if options.thread else [tests, fuzz]:
            command = [sys.executable, "-c", RUN, str(package), *what]
            done = subprocess.run(command, env=environment, cwd=ROOT)
            # pytest catches what is written while a test runs, so the reports go to files.
            for report in sorted(Path(name).glob("report*")):
                sys.stderr.write(report.read_text())
            if done.returncode:
                sys.exit(done.returncode)


if __name__ == "__main__":
    main()
