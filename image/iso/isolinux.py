"""isolinux's and pxelinux's configuration: where Linux's words end in it. Pure."""

import re

from bake.errors import Refusal

from .kernels import is_linux, is_other, is_xen

_LINE = re.compile(r"[ \t]*([A-Za-z]\w*)(?:[ \t]+([^\r\n]*?))?[ \t]*(?:\r?\n|\Z)")
# com32/mboot: a word of its own.
_SEPARATOR = re.compile(r"(?:(?<=\s)|\A)---(?=\s|\Z)")
_LOADS = {"kernel", "linux"}


def entries(text):
    """(label, start, end) of the words of each Linux kernel, in the order of the file."""
    places = ((label, _words(kernel, append, label)) for label, kernel, append in _labels(text))
    return [(label, *place) for label, place in places if place is not None]


def strangers(text):
    """(label, file) of each label that starts something, but no Linux that is known here."""
    found = []
    for label, kernel, append in _labels(text):
        if _words(kernel, append, label) is not None:
            continue
        files = [words[0] for _, piece in _pieces(append[1] if append else "") if (words := piece.split())]
        if files and is_xen(files[0]):
            # What is with Xen would be Linux.
            found.append((label, (files[1:] or files)[0]))
        elif kernel and not is_other(kernel):
            found.append((label, kernel))
    return found


def _labels(text):
    """(label, its kernel, (start, value) of its APPEND line or None), also of what stands before the first."""
    label, kernel, append, in_help, at = None, "", None, False, 0
    for line in text.splitlines(keepends=True):
        match = _LINE.match(line)
        word, value = (match[1].lower(), match[2] or "") if match else ("", "")
        if in_help:
            in_help = word != "endtext"
        elif word == "text":
            in_help = True
        elif word == "label":
            yield label, kernel, append
            label, kernel, append = value, "", None
        elif word in _LOADS:
            kernel = value
        elif word == "append":
            append = (at + match.start(2) if match[2] else at + len(line.rstrip("\r\n")), value)
        at += len(line)
    yield label, kernel, append


def _pieces(value):
    """(start, text) of the parts between separators."""
    begin = 0
    for separator in _SEPARATOR.finditer(value):
        yield begin, value[begin : separator.start()]
        begin = separator.end()
    yield begin, value[begin:]


def _words(kernel, append, label):
    """Start and end of Linux's words; None: no Linux."""
    if append is None:
        if is_linux(kernel):
            raise Refusal(f"the label {label} starts Linux without an APPEND line, which no installer known here does")
        return None
    start, value = append
    if is_linux(kernel):
        return start, start + len(value)
    for begin, piece in _pieces(value):
        first = re.match(r"\s*(\S+)", piece)
        if first and is_linux(first[1]):
            return start + begin + first.end(), start + begin + len(piece.rstrip())
    return None
