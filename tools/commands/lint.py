"""Form and layers of the C++ code. Prints what is wrong and how to mend it; ends with 1 if anything is.

  tools/lint             clang-format on what git says has changed, and tools/check-layers
  tools/lint --all       on every file below services/ and tests/
  tools/lint --fix       formats instead of complaining
  tools/lint --tidy      clang-tidy too (minutes; needs build/PRESET/compile_commands.json: tools/test builds it)

Style: .clang-format, .clang-tidy. Nothing is advisory.
"""

import argparse
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("services", "tests")
SUFFIXES = {".h", ".cc"}
AT_ONCE = 50  # files per clang-format: starting it costs more than a file


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="tools/lint", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--fix", action="store_true")
    parser.add_argument("--tidy", action="store_true")
    parser.add_argument("--preset", default="dev", help="whose compile_commands.json clang-tidy reads (default dev)")
    arguments = parser.parse_args()

    files = every_file() if arguments.all else changed_files()
    faults = check_format(files, arguments.fix)
    faults += subprocess.run([str(ROOT / "tools/check-layers")], cwd=ROOT, check=False).returncode
    if arguments.tidy:
        faults += check_tidy(files, arguments.preset)
    print(f"lint: {len(files)} files, {'something to mend' if faults else 'nothing to mend'}", file=sys.stderr)
    return 1 if faults else 0


def every_file() -> list[Path]:
    return sorted(p for folder in FOLDERS for p in (ROOT / folder).rglob("*") if p.suffix in SUFFIXES)


def changed_files() -> list[Path]:
    """Not committed yet, or new."""
    out = subprocess.run(
        ["git", "status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames", "--", *FOLDERS],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    names = [entry[3:] for entry in out.split("\0") if entry]
    return sorted(p for p in (ROOT / name for name in names) if p.suffix in SUFFIXES and p.exists())


def tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        sys.exit(f"lint: {name} is missing; apt-get install {name}")
    return found


def check_format(files: list[Path], fix: bool) -> int:
    program = tool("clang-format")
    wrong: list[str] = []
    for start in range(0, len(files), AT_ONCE):
        some = [str(p.relative_to(ROOT)) for p in files[start : start + AT_ONCE]]
        how = ["-i"] if fix else ["--dry-run", "-Werror", "--ferror-limit=1"]
        done = subprocess.run([program, *how, *some], cwd=ROOT, capture_output=True, text=True, check=False)
        wrong += [line.split(": error:")[0] for line in done.stderr.splitlines() if ": error:" in line]
        if done.returncode != 0 and ": error:" not in done.stderr:
            sys.exit(f"lint: clang-format failed: {done.stderr}")
    for place in wrong:
        print(f"{place}: not formatted; tools/lint --fix does it")
    return len(wrong)


def check_tidy(files: list[Path], preset: str) -> int:
    program = tool("clang-tidy")
    build = ROOT / "build" / preset
    if not (build / "compile_commands.json").exists():
        sys.exit(f"lint: {build}/compile_commands.json is missing; cmake --preset {preset}")
    sources = [p for p in files if p.suffix == ".cc"]

    def tidy(path: Path) -> tuple[int, str]:
        done = subprocess.run(
            [program, "-p", str(build), "--quiet", "--extra-arg=-Wno-unknown-warning-option", str(path)],
            cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout

    faults = 0
    with ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        for code, text in pool.map(tidy, sources):
            faults += code != 0
            if code != 0:
                print(text, end="")
    return faults


if __name__ == "__main__":
    sys.exit(main())
