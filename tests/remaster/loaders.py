"""What boot loaders and the kernel do with a line, written down without a word of the program under test; and GRUB's
own parser, as a program."""

import re
import subprocess
from pathlib import Path


def mboot(line):
    """com32/lib/sys/argv.c: signed characters up to the blank separate; com32/modules/mboot.c glues with one blank."""
    out, current = [], ""
    for letter in line:
        if letter <= " " or letter >= "\x80":
            out, current = out + [current] if current else out, ""
        else:
            current += letter
    out += [current] if current else []
    modules = [[]]
    for argument in out:
        if argument == "---":
            modules.append([])
        else:
            modules[-1].append(argument)
    return [(module[0], " ".join(module[1:])) for module in modules]


def grub_line(arguments, escapes):
    """grub-core/lib/cmdline.c: until 2.12 with backslashes, in newer ones without."""
    out = []
    for argument in arguments:
        text = re.sub(r"([\\'\"])", r"\\\1", argument) if escapes else argument
        out.append(f'"{text}"' if " " in argument else text)
    return " ".join(out)


def kernel(line):
    """lib/cmdline.c, next_arg(): [(name, value)]."""
    found, at = [], 0
    while at < len(line):
        while at < len(line) and line[at].isspace():
            at += 1
        if at == len(line):
            break
        quoted = line[at] == '"'
        inside = quoted
        at += quoted
        begin = at
        equals = None
        while at < len(line) and (inside or not line[at].isspace()):
            if equals is None and line[at] == "=":
                equals = at
            if line[at] == '"':
                inside = not inside
            at += 1
        word, value = line[begin:at], None
        if equals is not None:
            word, value = line[begin:equals], line[equals + 1 : at]
            if value.startswith('"'):
                value = value[1:]
                value = value[:-1] if value.endswith('"') else value
        if quoted and at > begin and line[at - 1] == '"':
            if value is None:
                word = word.removesuffix('"')
            else:
                value = value.removesuffix('"')
        found.append((word, value))
        at += 1
    return found


def grub(folder, lines):
    """The arguments that GRUB itself makes of each of these command lines (grub-emu, its lexer, parser, expansion)."""
    script = 'function shown {\n  for word in "$@"; do\n    echo "[$word]"\n  done\n}\n'
    for line in lines:
        script += f"echo BEGIN\nshown {line}\n"
    Path(folder, "grub.cfg").write_text(script + "echo BEGIN\nexit\n")
    done = subprocess.run(["grub-emu", "-d", str(folder)], stdin=subprocess.DEVNULL, capture_output=True, timeout=60,
                          check=False)  # fmt: skip
    text = re.sub(r"\x1b\[[0-9;]*m|\r", "", done.stdout.decode())
    parts = text.split("BEGIN\n")
    assert len(parts) == len(lines) + 2, text
    found = []
    for part in parts[1:-1]:
        words = part.splitlines()
        assert all(word[:1] + word[-1:] == "[]" for word in words), part
        found.append([word[1:-1] for word in words])
    return found
