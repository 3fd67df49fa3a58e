"""What the kernel does with an initramfs: init/initramfs.c, written down once more, without a word of the program
under test. Whole buffers, one file system of inodes in memory."""

import bz2
import ctypes
import lzma
import stat
import subprocess
import zlib

PATH_MAX = 4096


class Junk(Exception):
    """The kernel gives up."""


class Inode:
    def __init__(self, mode):
        self.mode, self.data, self.owner = mode, b"", (0, 0)
        self.names = {} if stat.S_ISDIR(mode) else None


class Kernel:
    """`unpack()` an image; then look at `root`."""

    def __init__(self):
        self.root = Inode(stat.S_IFDIR | 0o755)
        self.hash = {}

    # The file system.

    def _walk(self, path, follow, budget=None):
        """(directory, last name, inode or None); OSError where the path can't be walked."""
        budget = budget if budget is not None else [40]
        trail, here = [], self.root
        parts = [part for part in path.split("/") if part and part != "."]
        follow = follow or path.endswith(("/", "/."))
        position = (None, None)
        while parts:
            name = parts.pop(0)
            if here.names is None:
                raise OSError("ENOTDIR")
            if name == "..":
                here = trail.pop()[0] if trail else self.root
                position = (trail[-1] if trail else (None, None))
                continue
            inode = here.names.get(name)
            if inode is None:
                if parts:
                    raise OSError("ENOENT")
                return here, name, None
            if stat.S_ISLNK(inode.mode) and (parts or follow):
                budget[0] -= 1
                if budget[0] < 0:
                    raise OSError("ELOOP")
                target = inode.data.decode("utf-8", "surrogateescape")
                if target.startswith("/"):
                    trail, here, position = [], self.root, (None, None)
                ahead = [part for part in target.split("/") if part and part != "."]
                if not parts and not ahead and not target.strip("/"):
                    here = self.root
                parts = ahead + parts
                continue
            trail.append((here, name))
            position = (here, name)
            here = inode
        if path.endswith("/") and here.names is None:
            raise OSError("ENOTDIR")
        return *position, here

    def _lstat(self, path):
        try:
            return self._walk(path, False)[2]
        except OSError:
            return None

    def _remove(self, path):
        try:
            folder, name, inode = self._walk(path, False)
        except OSError:
            return
        if folder is not None and inode is not None and not inode.names:
            del folder.names[name]

    def _clean_path(self, path, mode):
        inode = self._lstat(path)
        if inode is not None and stat.S_IFMT(inode.mode) != stat.S_IFMT(mode):
            self._remove(path)

    def _make(self, path, inode):
        try:
            folder, name, old = self._walk(path, False)
        except OSError:
            return None
        if old is not None or folder is None or path.endswith("/") and inode.names is None:
            return None
        folder.names[name] = inode
        return inode

    # The entries.

    def _maybe_link(self, header, name):
        if header["nlink"] < 2:
            return 0
        key = (header["major"], header["minor"], header["ino"], stat.S_IFMT(header["mode"]))
        old = self.hash.get(key)
        if old is None:
            self.hash[key] = name
            return 0
        self._clean_path(name, 0)
        inode = self._lstat(old)
        if inode is None or inode.names is not None or self._make(name, inode) is None:
            return -1
        return 1

    def _entry(self, header, name, body):
        mode = header["mode"]
        if stat.S_ISLNK(mode):
            self._clean_path(name, 0)
            link = Inode(mode)
            link.data = body.partition(b"\0")[0]
            self._make(name, link)
            return
        self._clean_path(name, mode)
        if stat.S_ISREG(mode):
            linked = self._maybe_link(header, name)
            if linked < 0:
                return
            inode = self._lstat(name)
            if inode is None:
                inode = self._make(name, Inode(mode))
            if inode is None or not stat.S_ISREG(inode.mode):
                return
            inode.mode, inode.owner = mode, (header["uid"], header["gid"])
            if linked != 1 or body:
                inode.data = body
        elif stat.S_ISDIR(mode):
            self._make(name, Inode(mode))
            try:
                inode = self._walk(name, True)[2]
            except OSError:
                return
            if inode is not None:
                inode.mode = stat.S_IFMT(inode.mode) | stat.S_IMODE(mode)
                inode.owner = (header["uid"], header["gid"])
        elif stat.S_IFMT(mode) and self._maybe_link(header, name) == 0:
            self._make(name, Inode(mode))

    def _archives(self, data, raw):
        """Eats archives; returns how far it came (raw: a segment may follow, packed: must be the end)."""
        at = 0
        fields = ("ino", "mode", "uid", "gid", "nlink", "mtime", "size", "major", "minor", "a", "b", "length", "check")
        while at < len(data):
            if data[at] == 0:
                at += 1
                continue
            if data[at : at + 1] != b"0":
                if raw and at % 4 == 0:
                    return at
                raise Junk("broken padding" if at % 4 else "junk within compressed archive")
            if at % 4:
                raise Junk("broken padding")
            head = data[at : at + 110]
            if head[:6] != b"070701" or len(head) < 110:
                raise Junk("no cpio magic")
            header = {field: int(head[6 + 8 * i : 14 + 8 * i], 16) for i, field in enumerate(fields)}
            name = data[at + 110 : at + 110 + header["length"]].partition(b"\0")[0].decode("utf-8", "surrogateescape")
            start = (at + 110 + header["length"] + 3) & ~3
            end = start + header["size"]
            if end > len(data):
                raise Junk("cut off")
            if name == "TRAILER!!!":
                self.hash.clear()
            else:
                self._entry(header, name, data[start:end])
            at = (end + 3) & ~3
        return at

    # The segments.

    def unpack(self, image):
        """unpack_to_rootfs()"""
        at = 0
        while at < len(image):
            if image[at] == 0:
                at += 1
            elif image[at : at + 1] == b"0" and at % 4 == 0:
                at += self._archives(image[at:], True)
            else:
                data, used = unpacked(image[at:])
                self._archives(data, False)
                at += used
        return self

    def listing(self):
        """path → (mode, data or target, inode number among those seen, owner)"""
        seen, result, pending = {}, {}, [("", self.root)]
        while pending:
            path, inode = pending.pop()
            number = seen.setdefault(id(inode), path)
            result[path] = (inode.mode, inode.data, number if inode.names is None else "", inode.owner)
            for name in sorted(inode.names or {}, reverse=True):
                pending.append((f"{path}/{name}", inode.names[name]))
        return result


def unpacked(data):
    """(what it unpacks to, bytes used) of the one stream that data begins with."""
    library = {b"\x1f\x8b": lambda: zlib.decompressobj(31), b"BZ": bz2.BZ2Decompressor,
               b"\xfd7": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ),
               b"\x5d\0": lambda: lzma.LZMADecompressor(lzma.FORMAT_ALONE)}
    if maker := library.get(data[:2]):
        decoder = maker()
        plain = decoder.decompress(data)
        return plain, len(data) - len(decoder.unused_data)
    if data[:2] == b"\x02\x21":
        at = 4
        # unlz4() before 5.12: everything to the end of the file is its own.
        while at < len(data):
            size = int.from_bytes(data[at : at + 4], "little")
            at += 4 if size == 0x184C2102 else 4 + size
        if at != len(data):
            raise Junk("data corrupted")
        return command("lz4", data), at
    if data[:2] == b"\x28\xb5":
        end = ctypes.CDLL("libzstd.so.1").ZSTD_findFrameCompressedSize
        end.restype, end.argtypes = ctypes.c_size_t, [ctypes.c_char_p, ctypes.c_size_t]
        size = end(data, len(data))
        if size > len(data):
            raise Junk("zstd")
        return command("zstd", data[:size]), size
    raise Junk(f"invalid magic {data[:4].hex()}")


def command(name, data):
    """`name -dc`"""
    return subprocess.run([name, "-dc"], input=data, stdout=subprocess.PIPE, check=True).stdout
