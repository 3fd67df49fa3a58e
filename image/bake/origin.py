"""Where modules come from: the image itself, or a directory."""

import bz2
import lzma
import os
import re
import zlib
from pathlib import Path

from . import index, streams
from .errors import Refusal

# No module of any distribution comes near it.
LARGEST = 64 << 20
FOLDERS = ("lib/modules", "usr/lib/modules")
_COMPRESSED = {b"\x1f\x8b": "gzip", b"\xfd7zXZ\0": "xz", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bzip2"}


def unpacked(data, where):
    """A module as insmod of any kind can read it."""
    name = next((name for magic, name in _COMPRESSED.items() if data.startswith(magic)), None)
    if name is None:
        return data
    try:
        if name == "gzip":
            decoder = zlib.decompressobj(31)
        elif name == "xz":
            decoder = lzma.LZMADecompressor()
        elif name == "bzip2":
            decoder = bz2.BZ2Decompressor()
        else:
            return _bounded(streams.command_unpack("zstd", [data], where), where)
        plain = decoder.decompress(data, LARGEST + 1)
    except (zlib.error, lzma.LZMAError, OSError) as error:
        raise Refusal(f"{where} is damaged: {error}") from None
    if len(plain) > LARGEST:
        raise Refusal(f"{where} unpacks to more than {LARGEST >> 20} MiB; that is no kernel module")
    if not decoder.eof:
        raise Refusal(f"{where} is cut off")
    return plain


def _bounded(pieces, where):
    plain = b""
    for piece in pieces:
        plain += piece
        if len(plain) > LARGEST:
            pieces.close()
            raise Refusal(f"{where} unpacks to more than {LARGEST >> 20} MiB; that is no kernel module")
    return plain


def _builtin(data):
    text = (data or b"").decode("utf-8", "surrogateescape")
    return {name for line in text.splitlines() if (name := index.module_name(line.strip()))}


class Origin:
    """Modules of one kernel version. Subclasses fill `files` (name → path below the version's directory), `known`
    (its index), `builtin`, `version` and `where`, and say how a file is read."""

    files, known, builtin, version, where = {}, {}, frozenset(), "", ""

    def has(self, name):
        """There is a file of it."""
        return name in self.files

    def is_indexed(self, name):
        """modprobe finds it, and all that it needs."""
        if name not in self.known:
            return False
        path, needs = self.known[name]
        return all(self._exists(entry) for entry in (path, *needs))

    def needs(self, name, found):
        """The names of what it needs: by the index, else by what it says itself."""
        if name in self.known:
            return [need for path in self.known[name][1] if (need := index.module_name(path))]
        return list(found.depends)

    def read(self, name):
        """The plain bytes of a module."""
        path = self.files[name]
        return unpacked(self._bytes(path), f"{path} of {self.where}")

    def _exists(self, path):
        return path in self.files.values()

    def _bytes(self, path):
        raise NotImplementedError


class Directory(Origin):
    """/lib/modules/VERSION somewhere on this machine."""

    def __init__(self, path):
        self._path = path
        self.version, self.where = path.name, str(path)
        self.files = {}
        for folder, folders, names in os.walk(path, onerror=self._fail):
            folders.sort()
            for name in sorted(names):
                if (module := index.module_name(name)) and module not in self.files:
                    self.files[module] = os.path.relpath(os.path.join(folder, name), path)
        self.known = index.parse_lines(self._text("modules.dep").decode("utf-8", "surrogateescape").splitlines())
        # Of two files of one module modprobe takes the one in the index (updates/ before kernel/).
        self.files |= {name: path for name, (path, _) in self.known.items() if (self._path / path).is_file()}
        self.builtin = _builtin(self._text("modules.builtin"))

    def _fail(self, error):
        raise Refusal(f"{self.where} can't be read: {error.strerror}")

    def _text(self, name):
        path = self._path / name
        return self._read(path) if path.is_file() else b""

    def _bytes(self, path):
        return self._read(self._path / path)

    @staticmethod
    def _read(path):
        try:
            if path.stat().st_size > LARGEST:
                raise Refusal(f"{path} has more than {LARGEST >> 20} MiB; that is no file of a kernel's modules")
            return path.read_bytes()
        except OSError as error:
            raise Refusal(f"{path} can't be read: {error.strerror}") from None


def _is_version(path):
    if not path.is_dir() or not re.match(r"\d", path.name):
        return False
    return (path / "kernel").is_dir() or any((path / name).is_file() for name in ("modules.dep", "modules.builtin"))


def directory(argument):
    """The one version in --modules DIR: DIR itself, or the only one below it."""
    path = Path(argument)
    if not path.is_dir():
        raise Refusal(f"--modules {argument}: there is no such directory; pass /lib/modules/VERSION")
    # `.` and `..` have no name of their own.
    path = path.resolve() if not re.match(r"\d", path.name) else path
    if _is_version(path):
        return Directory(path)
    for folder in (path, *(path / below for below in FOLDERS)):
        versions = sorted(entry for entry in folder.iterdir() if _is_version(entry)) if folder.is_dir() else []
        if len(versions) == 1:
            return Directory(versions[0])
        if versions:
            names = ", ".join(entry.name for entry in versions)
            raise Refusal(f"--modules {argument}: it has several kernel versions ({names}); pass one of them")
    raise Refusal(f"--modules {argument}: no kernel modules in it; pass /lib/modules/VERSION")


class InImage(Origin):
    """A version's directory in the image. `read_files` fetches bodies in a second pass, which is rarely needed."""

    def __init__(self, tree, folder, read_files):
        self._tree, self._folder, self._read_files = tree, folder, read_files
        self.version, self.where = folder.rpartition("/")[2], f"the image's /{folder}"
        self.files = {}
        for path in _walk(tree.get(folder), ""):
            if (name := index.module_name(path)) and name not in self.files:
                self.files[name] = path
        self.known = self._index()
        self.builtin = _builtin(self._data("modules.builtin"))

    def _data(self, name):
        node = self._tree.get(f"{self._folder}/{name}")
        return node.data if node is not None and node.is_file else None

    def _index(self):
        text = self._data("modules.dep")
        if text:
            return index.parse_lines(text.decode("utf-8", "surrogateescape").splitlines())
        trie = self._data("modules.dep.bin")
        return index.parse_lines(index.read_trie(trie, f"/{self._folder}/modules.dep.bin")) if trie else {}

    def _exists(self, path):
        node = self._tree.get(path if path.startswith("/") else f"{self._folder}/{path}")
        return node is not None and node.is_file

    def _bytes(self, path):
        node = self._tree.get(f"{self._folder}/{path}")
        if node.size > LARGEST:
            raise Refusal(f"{path} of {self.where} has more than {LARGEST >> 20} MiB; that is no kernel module")
        return self._read_files([node])[0]


def _walk(node, path):
    """The paths of all files below a directory, in the order of their names. Links are not followed."""
    pending = [(node, path)]
    while pending:
        node, path = pending.pop()
        for name in sorted(node.children, reverse=True):
            child = node.children[name]
            below = f"{path}/{name}" if path else name
            if child.is_dir:
                pending.append((child, below))
            elif child.is_file:
                yield below


def versions(tree):
    """The directories of kernel versions in an image, by their real paths."""
    found = []
    for folder in FOLDERS:
        place = tree.walk(folder) if tree.get(folder) is not None else None
        if place is None or not place.node.is_dir:
            continue
        for name, child in sorted(place.node.children.items()):
            path = f"{place.path}/{name}"
            if child.is_dir and path not in found and _holds_modules(child):
                found.append(path)
    return found


def _holds_modules(node):
    return any(
        name.startswith(("modules.dep", "modules.builtin")) or index.module_name(name)
        for name in (path.rpartition("/")[2] for path in _walk(node, ""))
    )
