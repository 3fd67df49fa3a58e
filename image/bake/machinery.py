"""What an image has of its own that obeys the same words, and would work against us. Pure."""

from .kinds import is_executable
from .tree import Unreachable

_OMIT = "make the image without it (dracut --omit {}), or leave the bond to it and boot with bondstrap=off"
_CONFIGURATOR = [f"usr/{folder}/nm-initrd-generator" for folder in ("libexec", "lib", "lib/NetworkManager")]
_HOOKS = [f"{folder}/dracut/hooks/cmdline" for folder in ("usr/lib", "lib", "var/lib")]
_UNITS = ("etc/systemd/system", "usr/lib/systemd/system", "lib/systemd/system")
# What initramfs-tools calls, the older and the newer.
_CLIENTS = {"ipconfig": "ipconfig (klibc)", "dhcpcd": "dhcpcd"}
_SYSTEMD = ("usr/lib/systemd", "lib/systemd")


def warnings(tree):
    """A sentence for each: what it is, and what to do about it."""
    told = []
    if any(_is_file(tree, path) for path in _CONFIGURATOR):
        told.append(
            f"the image's own NetworkManager (nm-initrd-generator) obeys bond= and ip= too, and would build the same "
            f"bond: {_OMIT.format('network-manager')}"
        )
    if any(name.endswith(("parse-bond.sh", "parse-ip-opts.sh")) for path in _HOOKS for name in _names(tree, path)):
        told.append(
            f"the image's own dracut scripts (network-legacy) obey bond= and ip= too, and would build the same bond: "
            f"{_OMIT.format('network-legacy')}"
        )
    if _generates(tree):
        told.append(
            f"the image's own systemd-networkd gets bond= and ip= too (systemd-network-generator), and would build the "
            f"same bond: {_OMIT.format('systemd-networkd')}"
        )
    clients = [said for name, said in _CLIENTS.items() if is_executable(tree, name)]
    if clients and _is_file(tree, "scripts/functions"):
        told.append(
            f"the image's own {' and '.join(clients)} {'obeys' if len(clients) == 1 else 'obey'} ip= too, where the root or a "
            f"script comes over the network (boot=nfs, live-boot): write ip=:::::bond0:dhcp there, which names the bond to "
            f"bondstrap and to initramfs-tools"
        )
    return told


def _generates(tree):
    """The program is there, the unit is wanted, and somebody takes what it writes."""
    there = [
        any(_is_file(tree, f"{folder}/{name}") for folder in _SYSTEMD)
        for name in ("systemd-network-generator", "systemd-networkd")
    ]
    wanted = (
        f"{path}/{name}/systemd-network-generator.service"
        for path in _UNITS for name in _names(tree, path) if name.endswith((".wants", ".requires"))
    )  # fmt: skip
    return all(there) and any(_link_or_file(tree, path) for path in wanted)


def _names(tree, path):
    node = tree.get(path)
    return list(node.children) if node is not None and node.is_dir else []


def _is_file(tree, path):
    node = tree.get(path)
    return node is not None and node.is_file


def _link_or_file(tree, path):
    """Also a link to what is not there: systemd goes by its name."""
    try:
        return tree.walk(path, follow=False).node is not None
    except Unreachable:
        return False
