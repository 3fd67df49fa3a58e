"""What an installer's ISO has to hold to be one that is known here: XCP-ng and XenServer 8.2, 8.3 and 9."""

import configparser
import re

from bake.errors import Refusal

IMAGE, EFI = "/install.img", "/boot/efiboot.img"
_KNOWN = "XCP-ng or XenServer 8.2, 8.3 or 9"
# The second one is 9's, where UEFI is all that is left.
_XEN = ("/boot/xen.gz", "/boot/xen.efi")
# Its BIOS and its UEFI configurations: one of each that it boots by is there.
_BIOS = ("/boot/isolinux/isolinux.cfg", "/boot/grub/grub.cfg")
_UEFI = ("/EFI/xenserver/grub.cfg", "/boot/grub/grub.cfg")
# What makes temporary names for the NICs in 8: a script, which became a unit before it went.
_RENAMES = ("etc/init.d/interface-rename-sideway", *(
    f"{folder}/systemd/system/interface-rename-sideway.service" for folder in ("etc", "usr/lib", "lib")
))  # fmt: skip
_CONFIG = re.compile(r"/(?:boot|EFI)/(?:.*/)?(?:(?:isolinux|syslinux|pxelinux)|grub[^/]*)\.cfg\Z", re.IGNORECASE)


def check(volume):
    """Refuses what is no such installer, and names the file that is missing."""
    for paths in ((IMAGE,), _XEN, ("/boot/vmlinuz",)):
        if not any(volume.kept(path) for path in paths):
            raise Refusal(f"{volume.path} is no installer of {_KNOWN}: it has no {paths[0]}")
    if not volume.boot_images:
        raise Refusal(f"{volume.path} has no boot record (El Torito), so nothing could start from it; fetch it again")
    platforms = set(volume.boot_images.values())
    for platform, paths in (("BIOS", _BIOS), ("UEFI", _UEFI)):
        if platform in platforms and not any(volume.kept(path) for path in paths):
            raise Refusal(f"{volume.path} is no installer of {_KNOWN}: it has neither {' nor '.join(paths)}")
    for number, platform in volume.boot_images.items():
        if platform == "UEFI" and volume.boot_paths.get(number) != EFI:
            raise Refusal(f"{volume.path} is no installer of {_KNOWN}: UEFI starts from {volume.boot_paths.get(number)} "
                          f"in it, and not from {EFI}")  # fmt: skip


def configs(paths):
    """Those paths that are boot configurations."""
    return [path for path in sorted(paths) if _CONFIG.match(path)]


def product(volume):
    """What it says it is; None: a net installer does not say it."""
    branding = _branding(volume)
    return " ".join(branding) if branding else None


def version(volume):
    """The same, without the name."""
    return (_branding(volume) or ("", ""))[1]


def warnings(tree, version=""):
    """What is known of this installer, and was not tried. `tree`: of its install.img."""
    told = version.partition(".")[0] == "9"
    if not told and any(tree.get(path) is not None for path in _RENAMES):
        return []
    known = f".treeinfo says {version}" if told else "install.img has no interface-rename-sideway"
    return [
        f"this is an installer as of version 9 ({known}), and bondstrap was not tried with one: it renames no NIC, so the "
        f"names are udev's: name ports by MAC (bond=00-11-22-33-44-55,00-11-22-33-44-56); it sets up networks by "
        f"systemd-networkd, and may list bond0 among the NICs: choose none there"
    ]


def _branding(volume):
    """(name, version) of .treeinfo; None: it is not told."""
    if not volume.kept("/.treeinfo"):
        return None
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    try:
        parser.read_string(volume.read("/.treeinfo").decode("utf-8", "replace"))
        return parser["branding"]["name"], parser["branding"]["version"]
    except (configparser.Error, KeyError):
        return None
