"""Which entries are appended: files, links, and only those directories that are not there. Pure."""

import stat

from . import cpio
from .errors import Refusal
from .image import MARKER
from .tree import place


class Plan:
    """Collects entries for one image. Paths go through the image's links; its directories stay as they are."""

    def __init__(self, tree):
        self.tree = tree
        self.items = []
        # What to tell, and what to warn of, beside that it is all there.
        self.told, self.warnings = [], []

    def _emit(self, name, mode, body=b"", owner=(0, 0)):
        target = cpio.text(body) if stat.S_ISLNK(mode) else None
        self.items.append((name, mode, body, owner))
        # What follows sees it, as it will in the kernel.
        self.tree.add(cpio.Header(name, mode, len(body)), body, target)

    def _place(self, path):
        real, new = place(self.tree, path)
        for folder in new:
            self._emit(folder, stat.S_IFDIR | 0o755)
        node = self.tree.get(real, follow=False)
        if node is not None and node.is_dir:
            raise Refusal(f"/{path} can't be put into this image: there is a directory of this name")
        if node is not None and node.is_file and node.links > 1:
            # The kernel would write into the inode, and so into all its other names: a link in its place cuts it off.
            self._emit(real, stat.S_IFLNK | 0o777, b"/dev/null")
        return real

    def file(self, path, body, mode=0o644, owner=(0, 0)):
        """A file. One of this name is replaced."""
        self._emit(self._place(path), stat.S_IFREG | mode, body, owner)

    def link(self, path, target):
        """A symbolic link."""
        self._emit(self._place(path), stat.S_IFLNK | 0o777, cpio.raw(target))


class Overlay:
    """Collects entries for any image. Its directories are not known: all are named, with a slash at the end. Then the
    kernel neither replaces a link of this name nor fails where there is none (lstat and mkdir of `name/`)."""

    def __init__(self):
        self.items, self._folders = [], set()

    def _place(self, path):
        parts = path.split("/")[:-1]
        for count in range(1, len(parts) + 1):
            folder = "/".join(parts[:count]) + "/"
            if folder not in self._folders:
                self._folders.add(folder)
                self.items.append((folder, stat.S_IFDIR | 0o755, b""))
        return path

    def file(self, path, body, mode=0o644):
        """A file."""
        self.items.append((self._place(path), stat.S_IFREG | mode, body))

    def link(self, path, target):
        """A symbolic link."""
        self.items.append((self._place(path), stat.S_IFLNK | 0o777, cpio.raw(target)))


def segment(items, note):
    """The archive of these entries, with the marker in front."""
    return cpio.archive([(MARKER, stat.S_IFREG | 0o644, cpio.raw(note)), *items])
