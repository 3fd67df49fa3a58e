"""What the program itself says to words, before an image boots with them. A program of another machine can't tell."""

import json
import subprocess
from pathlib import Path

from .errors import Refusal

# A check of words takes a moment.
LIMIT = 20
# A line of `plan` for what `up` refuses, has no use for, or XCP-ng would not keep; and what only the first of these say.
_NOTE = "note "
_REFUSED = "up of this version "


def warnings(words, program, where):
    """Sentences about words that have a fault and are followed all the same; words that are not followed are refused.
    `where`: what begins the sentence of a refusal."""
    done = _plan(program, words)
    if done is None:
        return []
    if done.returncode == 2:
        said = _text(done.stderr).strip() or _text(done.stdout).strip()
        raise Refusal(f"{where}: these words can't be followed:\n{said}")
    told = _problems(program, words)
    for line in _text(done.stdout).splitlines():
        if not line.startswith(_NOTE):
            continue
        note = line[len(_NOTE) :].strip()
        # `plan` looks ahead to later versions; what is put into an image is this one.
        if _REFUSED in note:
            raise Refusal(f"{where}: {note}")
        told.append(note)
    return told


def _problems(program, words):
    done = _plan(program, words, "--json")
    try:
        return [f"{problem['word']}: {problem['message']}" for problem in json.loads(done.stdout)["problems"]]
    except (AttributeError, ValueError, KeyError, TypeError):
        return []


def _plan(program, words, *options):
    """`plan`; None: it does not run here."""
    try:
        return subprocess.run(
            [str(Path(program).resolve()), "--cmdline", words, "plan", *options], capture_output=True, timeout=LIMIT, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None


def _text(data):
    return data.decode("utf-8", "replace")
