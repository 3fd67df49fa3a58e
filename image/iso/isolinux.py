"""isolinux's and pxelinux's configuration: where Linux's words end in it. Pure."""

import re

from bake.errors import Refusal

from .kernels import is_linux

_LINE = re.compile(r"[ \t]*([A-Za-z]\w*)(?:[ \t]+([^\r\n]*?))?[ \t]*(?:\r?\n|\Z)")
# com32/mboot: a word of its own.
_SEPARATOR = re.compile(r"(?:(?<=\s)|\A)---(?=\s|\Z)")
_LOADS = {"kernel", "linux"}


def entries(text):
    """(label, start, end) of the words of each Linux kernel, in the order of the file."""
    found, label, kernel, append, in_help = [], None, "", None, False

    def close():
        place = _words(kernel, append, label)
        if place is not None:
            found.append((label, *place))

    at = 0
    for line in text.splitlines(keepends=True):
        match = _LINE.match(line)
        word, value = (match[1].lower(), match[2] or "") if match else ("", "")
        if in_help:
            in_help = word != "endtext"
        elif word == "text":
            in_help = True
        elif word == "label":
            close()
            label, kernel, append = value, "", None
        elif word in _LOADS:
            kernel = value
        elif word == "append":
            append = (at + match.start(2) if match[2] else at + len(line.rstrip("\r\n")), value)
        at += len(line)
    close()
    return found


def _words(kernel, append, label):
    """Start and end of Linux's words; None: no Linux."""
    if append is None:
        if is_linux(kernel):
            raise Refusal(f"the label {label} starts Linux without an APPEND line, which no installer known here does")
        return None
    start, value = append
    pieces, begin = [], 0
    for separator in _SEPARATOR.finditer(value):
        pieces.append((begin, separator.start()))
        begin = separator.end()
    pieces.append((begin, len(value)))
    if is_linux(kernel):
        return start, start + len(value)
    for begin, end in pieces:
        piece = value[begin:end]
        first = re.match(r"\s*(\S+)", piece)
        if first and is_linux(first[1]):
            return start + begin + first.end(), start + begin + len(piece.rstrip())
    return None
