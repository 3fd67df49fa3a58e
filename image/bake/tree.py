"""The tree that the kernel makes of an initramfs, link by link, without unpacking it. Pure."""

import stat
from dataclasses import dataclass, field
from typing import Optional

from .errors import Refusal

# The kernel's MAXSYMLINKS.
HOPS = 40


@dataclass(eq=False)
class Node:
    """An inode. Hard links share one."""

    mode: int
    children: Optional[dict] = None
    target: Optional[str] = None
    data: Optional[bytes] = None
    size: int = 0
    links: int = 1
    # Where its bytes are: number of the segment, number of the entry in it.
    place: Optional[tuple] = None
    # User and group.
    owner: tuple = (0, 0)

    @property
    def kind(self):
        """The type bits of the mode."""
        return stat.S_IFMT(self.mode)

    @property
    def is_dir(self):
        return self.children is not None

    @property
    def is_file(self):
        return stat.S_ISREG(self.mode)


class Unreachable(Exception):
    """A path can't be walked: a component that is no directory, or links in a circle."""


@dataclass
class Found:
    """Where a walk ended: names and nodes from the root; what is not there any more."""

    names: list
    nodes: list
    missing: list = field(default_factory=list)

    @property
    def node(self):
        return None if self.missing else self.nodes[-1]

    @property
    def path(self):
        return "/".join(self.names + self.missing)


class Tree:
    """A root directory, and the rules by which entries change it."""

    def __init__(self):
        self.root = Node(stat.S_IFDIR | 0o755, children={})
        self._links = {}

    def walk(self, path, follow=True):
        """Follows `path` from the root as the kernel's path walk does; `follow`: also a link at its end."""
        names, nodes, hops = [], [self.root], 0
        pending = path.split("/")[::-1]
        while pending:
            name = pending.pop()
            if name in ("", "."):
                if not nodes[-1].is_dir:
                    raise Unreachable(f"{'/'.join(names)} is no directory")
                continue
            if not nodes[-1].is_dir:
                raise Unreachable(f"{'/'.join(names)} is no directory")
            if name == "..":
                if names:
                    names.pop()
                    nodes.pop()
                continue
            child = nodes[-1].children.get(name)
            if child is None:
                rest = [part for part in pending[::-1] if part not in ("", ".")]
                if ".." in rest:
                    raise Unreachable(f"{'/'.join(names + [name])} is not there")
                return Found(names, nodes, [name] + rest)
            if child.target is not None and (pending or follow):
                hops += 1
                if hops > HOPS:
                    raise Unreachable(f"{'/'.join(names + [name])} is a link in a circle")
                if child.target.startswith("/"):
                    names, nodes = [], [self.root]
                pending += child.target.split("/")[::-1]
                continue
            names.append(name)
            nodes.append(child)
        return Found(names, nodes)

    def get(self, path, follow=True):
        """The node at `path`, or None."""
        try:
            return self.walk(path, follow).node
        except Unreachable:
            return None

    def end_archive(self):
        """Hard links reach no further than their archive."""
        self._links.clear()

    def add(self, header, data=None, target=None, place=None):
        """What the kernel does with one entry: do_name(), do_symlink(). Entries that it drops are dropped."""
        earlier = self._earlier(header)
        slot = _Slot(self, header.name)
        if slot.node is self.root:
            if stat.S_ISDIR(header.mode):
                self.root.mode = header.mode
            return
        if stat.S_ISDIR(header.mode):
            self._directory(slot, header)
        elif stat.S_ISLNK(header.mode):
            slot.clean(0)
            if slot.node is None:
                slot.put(Node(header.mode, target=target, place=place))
        elif stat.S_ISREG(header.mode):
            self._file(slot, header, earlier, data, place)
        elif header.kind:
            slot.clean(header.mode)
            if self._linked(slot, earlier) is None and slot.node is None:
                slot.put(Node(header.mode, place=place))

    @staticmethod
    def _directory(slot, header):
        slot.clean(header.mode)
        if slot.node is None:
            slot.put(Node(header.mode, children={}))
        else:
            slot.node.mode = header.mode

    def _file(self, slot, header, earlier, data, place):
        slot.clean(header.mode)
        linked = self._linked(slot, earlier)
        if linked is False:
            return
        if slot.node is None:
            slot.put(Node(header.mode))
        if slot.node is None or not slot.node.is_file:
            return
        slot.node.mode, slot.node.owner = header.mode, (header.uid, header.gid)
        if header.size or not linked:
            # The inode stays: all its names see the new bytes.
            slot.node.data, slot.node.size, slot.node.place = data, header.size, place

    def _earlier(self, header):
        """find_link(): the name with which this inode came first. A name counts even where nothing came of it."""
        if header.nlink < 2 or stat.S_ISDIR(header.mode) or stat.S_ISLNK(header.mode):
            return None
        key = (header.ino, header.device, header.kind)
        earlier = self._links.get(key)
        self._links.setdefault(key, header.name)
        return earlier

    def _linked(self, slot, earlier):
        """maybe_link(): True: now a further name of an earlier entry; False: could not be; None: no link."""
        if earlier is None:
            return None
        slot.clean(0)
        old = self.get(earlier, follow=False)
        if old is None or old.is_dir or slot.node is not None:
            return False
        slot.put(old)
        if slot.node is not old:
            return False
        old.links += 1
        return True


class _Slot:
    """A name in a directory, by its path; or nowhere, where the path can't be walked."""

    def __init__(self, tree, path):
        self._tree, self._path = tree, path
        self._find()

    def _find(self):
        self._children = self._name = self.node = None
        try:
            found = self._tree.walk(self._path, follow=False)
        except Unreachable:
            return
        if found.missing:
            if len(found.missing) == 1 and found.nodes[-1].is_dir:
                self._children, self._name = found.nodes[-1].children, found.missing[0]
            return
        self.node = found.node
        if found.names:
            self._children, self._name = found.nodes[-2].children, found.names[-1]

    def clean(self, mode):
        """clean_path(): what is of another type goes, but no directory that holds something."""
        if self.node is None or self._name is None or stat.S_IFMT(mode) == self.node.kind or self.node.children:
            return
        self.node.links -= 1
        del self._children[self._name]
        # What went may have been a link on the way here.
        self._find()

    def put(self, node):
        """Makes `node` the one of this name. A name with a slash behind it takes directories only."""
        if self._name is not None and (node.is_dir or not self._path.endswith("/")):
            self._children[self._name] = self.node = node


def place(tree, path):
    """Where `path` really lands in `tree`, and which directories have to be made for it, outermost first."""
    parent, _, name = path.rpartition("/")
    try:
        found = tree.walk(parent)
    except Unreachable as error:
        raise Refusal(f"/{path} can't be put into this image: /{error}") from None
    if found.node is not None and not found.node.is_dir:
        raise Refusal(f"/{path} can't be put into this image: /{found.path} is no directory")
    new = ["/".join(found.names + found.missing[: count + 1]) for count in range(len(found.missing))]
    return "/".join(found.names + found.missing + [name]), new
