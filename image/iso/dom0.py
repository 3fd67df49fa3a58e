"""What becomes of a command line in dom0: its limits, and what bondstrap makes of it."""

import json
import subprocess

from bake.errors import Refusal

from . import words

# Xen gives dom0 1024 bytes, the NUL among them, and cuts the rest without a word.
LONGEST = 1023
# The kernel hands unknown name=value words to init, 30 of them beside HOME and TERM, and panics at the 32nd.
MOST = 31
# Of those that installers' configurations hold, these the kernel knows; a name with a dot belongs to a module.
_KNOWN = {"console", "root", "init", "loglevel", "panic", "crashkernel", "nmi_watchdog", "pci", "acpi", "iommu", "mem"}
LIMIT = 20


def warnings(lines, program):
    """Sentences about these command lines: (where, line). A line that bondstrap refuses is refused."""
    told = []
    for where, line in lines:
        length = len(line.encode("latin-1"))
        if length > LONGEST:
            told.append(
                f"{where}: Linux's words have {length} bytes, and Xen cuts them after {LONGEST}: the last ones are lost; "
                f"leave some out"
            )
        unknown = {
            name for word in words.split(line) if (name := word.strip('"').partition("=")[0]) + "=" in word
            and "." not in name and name not in _KNOWN
        }  # fmt: skip
        if len(unknown) > MOST:
            told.append(f"{where}: {len(unknown)} words name=value that the kernel does not know; from {MOST + 1} on it panics")
        told += [f"{where}: {problem}" for problem in _problems(line, where, program)]
    # Entries differ in little: what is true of all is told once.
    known = {}
    for sentence in told:
        place, _, rest = sentence.partition(": ")
        known.setdefault(rest, []).append(place)
    return [f"{places[0]}{' and other entries' if len(places) > 1 else ''}: {rest}" for rest, places in known.items()]


def _problems(line, where, program):
    """What `plan` warns of. A program for another machine can't tell."""
    try:
        done = subprocess.run(
            [str(program), "--cmdline", line, "plan", "--json"], capture_output=True, timeout=LIMIT, check=False
        )
        problems = json.loads(done.stdout)["problems"]
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError, TypeError):
        return []
    for problem in problems:
        if problem["level"] == "error":
            raise Refusal(f"{where}: with these words bondstrap would give up: {problem['word']}: {problem['message']}")
    return [f"{problem['word']}: {problem['message']}" for problem in problems]
