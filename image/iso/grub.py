"""GRUB's scripts: where Linux's words end in them. Pure.

The lexer is grub-core/script/yylex.l as far as it tells where a word begins and ends.
"""

from .kernels import is_linux, is_other

# With and without `efi` and `16`, and what Xen's modules are loaded with; and Xen.
_KERNELS = {"linux", "linuxefi", "linux16"}
_LOADS = {*_KERNELS, "module", "module2", "xen_module"}
_XEN = {"multiboot", "multiboot2", "xen_hypervisor"}

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
    found = []
    for title, loads in _groups(text):
        found += [(title, start, end) for name, file, start, end in loads if name in _LOADS and is_linux(file)]
    return found


def strangers(text):
    """(title, file) of each entry that starts something, but no Linux that is known here."""
    found = []
    for title, loads in _groups(text):
        if any(name in _LOADS and is_linux(file) for name, file, *_ in loads):
            continue
        # What is with Xen would be Linux.
        modules = [file for name, file, *_ in loads if name not in _XEN]
        started = [file for name, file, *_ in loads if name in _XEN or name in _KERNELS and not is_other(file)]
        if started:
            found.append((title, (modules or started)[0]))
    return found


def _groups(text):
    """(title, [(command, file, its end, end of the line)]) of each entry, and of what stands before the first."""
    groups = [(None, [])]
    for command in commands(text):
        while len(command) > 1 and command[0][0] in _KEYWORDS:
            command = command[1:]
        name = command[0][0]
        if name in ("menuentry", "submenu") and len(command) > 1:
            groups.append((command[1][0], []))
        elif name in _LOADS | _XEN:
            file = next((word for word in command[1:] if not word[0].startswith("-")), None)
            if file:
                groups[-1][1].append((name, file[0], file[2], command[-1][2]))
    return groups
