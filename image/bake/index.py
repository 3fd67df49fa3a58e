"""modules.dep in both its forms: the text that busybox reads, and the trie that kmod reads. Pure.

The trie is that of libkmod/libkmod-index.c, version 2.1: be32 magic, version, root; a node is
[prefix NUL] [first last be32-child...] [be32 count, (be32 priority, value NUL)...], with flags in the top bits of
the reference to it.
"""

import posixpath
import re
import struct

from .errors import Refusal

MAGIC, VERSION = 0xB007F457, 0x00020001
PREFIX, VALUES, CHILDREN = 0x80000000, 0x40000000, 0x20000000
_SUFFIX = re.compile(r"\.ko(\.(gz|xz|zst))?\Z")


def module_name(path):
    """The kernel's name of the module in this file; None: no module."""
    name = posixpath.basename(path)
    return _SUFFIX.sub("", name).replace("-", "_") if _SUFFIX.search(name) else None


def parse_lines(lines):
    """name → (path, [paths of what it needs])."""
    known = {}
    for line in lines:
        path, colon, needs = line.partition(":")
        name = module_name(path.strip())
        if colon and name:
            known[name] = (path.strip(), needs.split())
    return known


def lines(known):
    """The inverse of `parse_lines`."""
    return [f"{path}: {' '.join(needs)}".rstrip() if needs else f"{path}:" for path, needs in known.values()]


def read_trie(data, where):
    """All values of an index, in the order of their priority."""
    values = []

    def word(at):
        if at + 4 > len(data):
            raise Refusal(f"{where} is damaged: it ends too early")
        return struct.unpack_from(">I", data, at)[0]

    def string(at):
        end = data.find(b"\0", at)
        if end < 0:
            raise Refusal(f"{where} is damaged: a text does not end")
        return data[at:end], end + 1

    if len(data) < 12 or word(0) != MAGIC or word(4) >> 16 != VERSION >> 16:
        raise Refusal(f"{where} is no index of kmod that is known here (version 2)")
    pending, seen = [word(8)], set()
    while pending:
        reference = pending.pop()
        at = reference & 0x0FFFFFFF
        if not reference:
            continue
        if at in seen:
            raise Refusal(f"{where} is damaged: a node is used twice")
        seen.add(at)
        if reference & PREFIX:
            _, at = string(at)
        if reference & CHILDREN:
            first, last = (*data[at : at + 2], 0, 0)[:2]
            at += 2
            for _ in range(first, last + 1):
                pending.append(word(at))
                at += 4
        if reference & VALUES:
            count, at = word(at), at + 4
            for _ in range(count):
                priority = word(at)
                value, at = string(at + 4)
                values.append((priority, value.decode("utf-8", "surrogateescape")))
    return [value for _, value in sorted(values)]


def write_trie(pairs):
    """An index of (key, value) pairs; their order is their priority."""
    root = {}
    for priority, (key, value) in enumerate(pairs):
        node = root
        for byte in key.encode("utf-8", "surrogateescape"):
            node = node.setdefault(byte, {})
        node.setdefault(None, []).append((priority, value.encode("utf-8", "surrogateescape")))
    out = bytearray(struct.pack(">III", MAGIC, VERSION, 0))

    def put(node):
        prefix = bytearray()
        while len(node) == 1 and None not in node:
            (byte, node), = node.items()
            prefix.append(byte)
        branches = {byte: put(child) for byte, child in sorted((b, c) for b, c in node.items() if b is not None)}
        reference = len(out)
        if prefix:
            reference |= PREFIX
            out.extend(prefix + b"\0")
        if branches:
            reference |= CHILDREN
            first, last = min(branches), max(branches)
            out.extend((first, last))
            for byte in range(first, last + 1):
                out.extend(struct.pack(">I", branches.get(byte, 0)))
        if values := node.get(None):
            reference |= VALUES
            out.extend(struct.pack(">I", len(values)))
            for priority, value in values:
                out.extend(struct.pack(">I", priority) + value + b"\0")
        return reference

    struct.pack_into(">I", out, 8, put(root))
    return bytes(out)


def both(known):
    """(modules.dep, modules.dep.bin) of these modules."""
    texts = lines(known)
    return (
        "".join(text + "\n" for text in texts).encode("utf-8", "surrogateescape"),
        write_trie(zip(known, texts)),
    )
