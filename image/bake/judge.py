"""What the program itself says to words, before an image boots with them. A program of another machine can't tell, which is told."""

import json
import subprocess
from pathlib import Path

from .errors import Refusal

# A check of words takes a moment.
LIMIT = 20
# A line of `plan` for what `up` has no use for, XCP-ng would not keep, or is only odd; and what those say that count here:
# the last are for whoever asks `plan`.
_NOTE = "note "
_COUNTS = ("has no effect in this version", "xapi", "XCP-ng")


def warnings(words, program, where):
    """Sentences about words that have a fault and are followed all the same; words that are not followed are refused.
    `where`: what begins the sentence of a refusal."""
    if not Path(program).exists():
        return []
    try:
        done = _plan(program, words)
        if done.returncode == 2:
            said = _text(done.stderr).strip() or _text(done.stdout).strip()
            raise Refusal(f"{where}: these words can't be followed:\n{said}")
        told = _problems(program, words)
    except OSError as error:
        return [f"words not checked: {program} does not run on this machine ({error.strerror})"]
    except subprocess.TimeoutExpired:
        return [f"words not checked: {program} gives no answer within {LIMIT} s"]
    if done.returncode:
        return [f"words not checked: {program} does not run on this machine (exit code {done.returncode})"]
    for note in _notes(_text(done.stdout)):
        if any(part in note for part in _COUNTS):
            told.append(note)
    return told


def _notes(text):
    """Those of `plan`'s table; a long one goes on in the next lines."""
    notes, inside = [], False
    for line in text.splitlines():
        if line.startswith(_NOTE):
            notes.append(line[len(_NOTE) :].strip())
        elif inside and line.startswith(" "):
            notes[-1] += f" {line.strip()}"
        inside = line.startswith(_NOTE) or inside and line.startswith(" ")
    return notes


def _problems(program, words):
    done = _plan(program, words, "--json")
    try:
        return [f"{problem['word']}: {problem['message']}" for problem in json.loads(done.stdout)["problems"]]
    except (AttributeError, ValueError, KeyError, TypeError):
        return []


def _plan(program, words, *options):
    command = [str(Path(program).resolve()), "--cmdline", words, "plan", *options]
    return subprocess.run(command, capture_output=True, timeout=LIMIT, check=False)


def _text(data):
    return data.decode("utf-8", "replace")
