"""The kinds of image: how each is known, and what makes it start bondstrap. One class a kind, files in hooks/KIND/.

A new kind is a class here and a directory there. The more special one stands first in KINDS.
"""

import stat
from pathlib import Path

from . import installer
from .errors import Refusal
from .tree import Unreachable

HOOKS = Path(__file__).resolve().parent.parent.parent / "hooks"
PROGRAM = "usr/bin/bondstrap"


def hook(kind, name):
    """A file of hooks/KIND/."""
    path = HOOKS / kind / name
    try:
        return path.read_bytes()
    except OSError as error:
        raise Refusal(f"{path}, which belongs to this program, can't be read: {error.strerror}") from None


class InitramfsTools:
    """Debian's and Ubuntu's: /init is a shell script that runs the directories of /scripts in the order of ORDER."""

    name = "initramfs-tools"
    about = "/scripts/functions and /conf/initramfs.conf"
    _folder = "scripts/init-premount"

    @staticmethod
    def detect(tree):
        return all(
            (node := tree.get(path)) is not None and node.is_file
            for path in ("init", "scripts/functions", "conf/initramfs.conf")
        )

    def add(self, plan):
        """The script, first in ORDER: others there (dropbear) want the network."""
        order = plan.tree.get(f"{self._folder}/ORDER")
        old = b""
        if order is not None:
            if not order.is_file or order.data is None:
                raise Refusal(f"/{self._folder}/ORDER of the image is no file that can be read")
            old = order.data
        script = f"/{self._folder}/bondstrap"
        lines = [line for line in old.decode("utf-8", "surrogateescape").splitlines() if not line.startswith(script)]
        text = "\n".join([f'{script} "$@"', *lines]) + "\n"
        plan.file(script[1:], hook(self.name, "init-premount"), 0o755)
        plan.file(f"{self._folder}/ORDER", text.encode("utf-8", "surrogateescape"))

    def add_overlay(self, overlay, _brings_modules):
        """The same, by a file that /init reads before it runs any script."""
        overlay.file("usr/lib/bondstrap/init-premount", hook(self.name, "init-premount"), 0o755)
        overlay.file("conf/conf.d/bondstrap", hook(self.name, "conf"))


class Systemd:
    """/init is systemd: of an initrd that enters another root, or of an installer that stays."""

    name = "systemd"
    about = "/init (or /sbin/init) is systemd"
    _units = "etc/systemd/system"

    @staticmethod
    def detect(tree):
        for path in ("init", "sbin/init"):
            try:
                found = tree.walk(path)
            except Unreachable:
                continue
            if found.node is not None:
                return found.node.is_file and found.names[-1] == "systemd"
        return False

    def add(self, plan):
        """The unit, wanted by sysinit.target, which every systemd goes through."""
        plan.file(f"{self._units}/bondstrap.service", hook(self.name, "bondstrap.service"))
        plan.link(f"{self._units}/sysinit.target.wants/bondstrap.service", "../bondstrap.service")

    def add_overlay(self, overlay, brings_modules):
        """The same, and modules."""
        self.add(overlay)
        if brings_modules:
            overlay.file(f"{self._units}/bondstrap.service.d/modules.conf", hook(self.name, "modules.conf"))


class XcpNg:
    """XCP-ng's and XenServer's install.img: systemd starts the installer, and stays."""

    name = "xcp-ng"
    about = "/opt/xensource/installer"
    _units = "etc/systemd/system"

    @staticmethod
    def detect(tree):
        node = tree.get("opt/xensource/installer")
        return node is not None and node.is_dir

    # What the installer runs by their names, and what goes on into the installed system.
    _scripts = {"answerfile": 0o755, "answerfile.py": 0o644, "persist": 0o755, "firstboot": 0o755,
                "bondstrap-firstboot.service": 0o644}  # fmt: skip

    def add(self, plan):
        """The unit, beside the installer's; a line for who logs in on tty2; what makes the installed system keep it."""
        self._unit(plan, "bondstrap.service")
        plan.file("etc/profile.d/bondstrap.sh", hook(self.name, "profile.sh"))
        for name, mode in self._scripts.items():
            plan.file(f"opt/bondstrap/{name}", hook(self.name, name), mode)
        if installer.call_persist(plan):
            plan.told.append(f"/{installer.INIT} calls persist")
            return
        plan.file("opt/bondstrap/watch", hook(self.name, "watch"), 0o755)
        self._unit(plan, "bondstrap-persist.service")
        plan.warnings.append(
            f"/{installer.INIT} has no place that is known here for the line that keeps the bond in the installed "
            f"system: a unit watches for it instead"
        )

    def _unit(self, plan, name):
        plan.file(f"{self._units}/{name}", hook(self.name, name))
        plan.link(f"{self._units}/multi-user.target.wants/{name}", f"../{name}")

    def add_overlay(self, overlay, _brings_modules):
        """Nothing: to an overlay it is an image with systemd."""


class Nothing:
    """Binary, words and modules only: the image's own init calls it."""

    name = "none"
    about = ""

    @staticmethod
    def detect(_tree):
        return False

    def add(self, plan):
        """Nothing."""

    def add_overlay(self, overlay, _brings_modules):
        """Nothing."""


KINDS = (InitramfsTools(), XcpNg(), Systemd(), Nothing())


def choose(tree, asked):
    """The kind that is asked for, else the one that the image shows."""
    for kind in KINDS:
        if kind.name == asked or asked is None and kind.detect(tree):
            return kind
    init = tree.get("init")
    what = "has no /init" if init is None else "has an /init of no known kind"
    known = "; ".join(f"{kind.name}: {kind.about}" for kind in KINDS if kind.about)
    raise Refusal(
        f"the image {what} ({known}), so nothing would start bondstrap; with --hook none it is put in all the same, "
        f"and it is up to the image's own init to call /{PROGRAM} up"
    )


def is_executable(tree, name):
    """The image has this command where its own PATH finds it."""
    return any(
        (node := tree.get(f"{folder}/{name}")) is not None and node.is_file and node.mode & stat.S_IXUSR
        for folder in ("usr/sbin", "usr/bin", "sbin", "bin")
    )
