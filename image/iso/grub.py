"""GRUB's scripts: where Linux's words end in them. Pure.

The lexer is grub-core/script/yylex.l as far as it tells where a word begins and ends.
"""

from .kernels import is_linux

# With and without `efi` and `16`, and what Xen's modules are loaded with.
_LOADS = {"linux", "linuxefi", "linux16", "module", "module2", "xen_module"}

# A command may follow on the same line.
_KEYWORDS = {"if", "elif", "then", "else", "while", "until", "do", "!"}


def commands(text):
    """Every simple command: [(word without quotes, start, end)]."""
    current, at = [], 0
    while at < len(text):
        letter = text[at]
        if letter in "\n\r;{}|&":
            if current:
                yield current
            current = []
            at += 1
        elif letter in " \t<>":
            at += 1
        elif text.startswith("\\\n", at):
            at += 2
        elif letter == "#":
            end = text.find("\n", at)
            at = len(text) if end < 0 else end
        else:
            word, end = _word(text, at)
            current.append((word, at, end))
            at = end
    if current:
        yield current


def _word(text, at):
    """The word at `at`, and where it ends."""
    out = []
    while at < len(text):
        letter = text[at]
        if letter in " \t\n\r;{}|&<>":
            break
        if letter == "\\":
            if text.startswith("\\\n", at):
                at += 2
                continue
            out.append(text[at + 1 : at + 2])
            at += 2
        elif letter == "'":
            end = text.find("'", at + 1)
            end = len(text) if end < 0 else end
            out.append(text[at + 1 : end])
            at = end + 1
        elif letter == '"':
            at += 1
            while at < len(text) and text[at] != '"':
                if text[at] == "\\" and text[at + 1 : at + 2] in ("$", '"', "\\", "\n"):
                    at += 1
                out.append(text[at])
                at += 1
            at += 1
        elif text.startswith("${", at):
            end = text.find("}", at)
            end = len(text) - 1 if end < 0 else end
            out.append(text[at : end + 1])
            at = end + 1
        else:
            out.append(letter)
            at += 1
    return "".join(out), min(at, len(text))


def entries(text):
    """(title, start, end) of the words of each Linux kernel, in the order of the file."""
    found, title = [], None
    for command in commands(text):
        while len(command) > 1 and command[0][0] in _KEYWORDS:
            command = command[1:]
        name = command[0][0]
        if name in ("menuentry", "submenu") and len(command) > 1:
            title = command[1][0]
        if name not in _LOADS:
            continue
        files = [position for position, word in enumerate(command) if position and not word[0].startswith("-")]
        if files and is_linux(command[files[0]][0]):
            found.append((title, command[files[0]][2], command[-1][2]))
    return found
