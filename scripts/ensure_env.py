"""Makes or refreshes one virtual environment from a file of pinned, hashed requirements.

Run by the Makefile with whatever interpreter the machine has, so it uses the standard library only. A stamp
inside the environment says what it was made from: the same file and the same Python mean nothing to do.
"""

import argparse
import fcntl
import hashlib
import os
import re
import subprocess
import sys
import time
from collections import deque
from pathlib import Path

MINIMUM = (3, 11)
STAMP = ".ledgerline-stamp"


class SetupError(Exception):
    """What went wrong, in one line for the person who typed make."""


def fingerprint(env: Path, requirements: Path) -> str:
    """The identity of an environment: its interpreter, where it is, and what is installed in it."""
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()
    return f"{sys.version_info.major}.{sys.version_info.minor} {digest} {env.resolve()}"


def python_of(env: Path) -> Path:
    """The environment's interpreter."""
    return env / "bin" / "python"


def interpreter_version(env: Path) -> str | None:
    """`3.11`, or None where there is no working interpreter (a moved folder, a Python that was removed)."""
    probe = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run([python_of(env), "-c", probe], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def create(env: Path) -> None:
    """A new, empty environment, unless a working one of this Python version is there.

    One that was copied or moved here is made anew: the scripts in it name the interpreter of the old place.
    """
    wanted = f"{sys.version_info.major}.{sys.version_info.minor}"
    stamp = env / STAMP
    moved = stamp.exists() and not stamp.read_text().endswith(f" {env.resolve()}")
    if interpreter_version(env) == wanted and not moved:
        return
    command = [sys.executable, "-m", "venv", "--clear", str(env)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        reason = (done.stderr or done.stdout).strip().splitlines()
        hint = "the venv module is missing: on Debian, apt-get install python3-venv"
        raise SetupError(hint if "ensurepip" in done.stdout + done.stderr else f"venv failed: {reason[-1:]}")


def ensure_pip(env: Path) -> None:
    """An environment that another tool made may have no pip of its own."""
    python = python_of(env)
    if subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0:
        return
    if subprocess.run([python, "-m", "ensurepip"], capture_output=True, check=False).returncode != 0:
        raise SetupError("pip is missing, ensurepip cannot bring it: on Debian, apt-get install python3-venv")


def install(env: Path, requirements: Path, log: Path) -> None:
    """pip with hashes; its output goes to a log, a counter to the screen."""
    total = len(re.findall(r"^[A-Za-z0-9_.\[\]-]+==", requirements.read_text(), re.MULTILINE))
    command = [str(python_of(env)), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    # --no-deps: the file is a complete resolution; nothing to resolve, and older pips trip over extras.
    # --no-compile: compiling all of it takes a third of the time; Python compiles what is imported anyway.
    command += [
        "--progress-bar",
        "off",
        "--no-compile",
        "--no-deps",
        "--require-hashes",
        "-r",
        str(requirements),
    ]
    tail: deque[str] = deque(maxlen=40)
    seen = 0
    environ = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with (
        log.open("w") as sink,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environ) as pip,
    ):
        assert pip.stdout is not None
        for line in pip.stdout:
            sink.write(line)
            tail.append(line.strip())
            if line.startswith(("Collecting ", "Processing ", "Requirement already satisfied: ")):
                seen += 1
                show(env, seen, total, line)
            elif line.startswith("Installing collected packages"):
                say(f"  {env}: unpacking {total} packages")
    if pip.returncode != 0:
        errors = [line for line in tail if line.lower().startswith("error")]
        reason = (errors or list(tail) or ["pip said nothing"])[0]
        raise SetupError(f"installing {requirements} failed: {reason} (all of it: {log})")


def show(env: Path, seen: int, total: int, line: str) -> None:
    """One moving line on a terminal, every twentieth package elsewhere."""
    # "Collecting x==1 (...)", "Processing /path/x-1.whl (...)", "Requirement already satisfied: x==1 ..."
    word = line.partition(": ")[2] or line.partition(" ")[2]
    name = re.split(r"[=<]|-[0-9]", word.split(" ")[0].rsplit("/", 1)[-1])[0]
    if sys.stdout.isatty():
        end = "\n" if seen >= total else ""
        print(f"\r\033[K  {env}: {seen}/{total} {name}", end=end, flush=True)
    elif seen % 20 == 0 or seen == total:
        say(f"  {env}: {seen}/{total} {name}")


def say(text: str) -> None:
    """A line at once: make's output is often a pipe."""
    print(text, flush=True)


def ensure(env: Path, requirements: Path) -> None:
    """Bring `env` to what `requirements` says; do nothing where it already is."""
    stamp = env / STAMP
    wanted = fingerprint(env, requirements)
    if is_ready(env, wanted):
        return
    with env.with_name(env.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two makes at once: the second waits, and finds it done
        if is_ready(env, wanted):
            return
        started = time.monotonic()
        say(f"{env}: installing {requirements} (once; a minute or two)")
        create(env)
        stamp.unlink(missing_ok=True)  # a failed install must not look finished
        ensure_pip(env)
        install(env, requirements, env.with_name(env.name + ".log"))
        stamp.write_text(wanted)
        say(f"{env}: ready after {time.monotonic() - started:.0f} s")


def is_ready(env: Path, wanted: str) -> bool:
    """Whether `env` is what `wanted` says, and its interpreter still works."""
    stamp = env / STAMP
    return stamp.exists() and stamp.read_text() == wanted and interpreter_version(env) is not None


def main() -> int:
    """Exit 1 with one line where it does not work out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("env", type=Path)
    parser.add_argument("requirements", type=Path)
    arguments = parser.parse_args()
    try:
        if sys.version_info < MINIMUM:
            raise SetupError(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}")
        ensure(arguments.env, arguments.requirements)
    except (SetupError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
