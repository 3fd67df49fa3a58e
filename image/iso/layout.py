"""What an installer's ISO has to hold to be one that is known here: XCP-ng and XenServer 8.2, 8.3 and 9."""

import configparser
import re

from bake.errors import Refusal

IMAGE, EFI = "/install.img", "/boot/efiboot.img"
_KNOWN = "XCP-ng or XenServer 8.2, 8.3 or 9"
# Its BIOS and its UEFI configurations: one of each is there.
_BIOS = ("/boot/isolinux/isolinux.cfg", "/boot/grub/grub.cfg")
_UEFI = ("/EFI/xenserver/grub.cfg", "/boot/grub/grub.cfg")
_CONFIG = re.compile(r"/(?:boot|EFI)/(?:.*/)?(?:(?:isolinux|syslinux|pxelinux)|grub[^/]*)\.cfg\Z", re.IGNORECASE)


def check(volume):
    """Refuses what is no such installer, and names the file that is missing."""
    for path in (IMAGE, "/boot/xen.gz", "/boot/vmlinuz"):
        if not volume.kept(path):
            raise Refusal(f"{volume.path} is no installer of {_KNOWN}: it has no {path}")
    for paths in (_BIOS, _UEFI) if volume.kept(EFI) else (_BIOS,):
        if not any(volume.kept(path) for path in paths):
            raise Refusal(f"{volume.path} is no installer of {_KNOWN}: it has neither {' nor '.join(paths)}")
    if not volume.boot_images:
        raise Refusal(f"{volume.path} has no boot record (El Torito), so nothing could start from it; fetch it again")
    for number, platform in volume.boot_images.items():
        if platform == "UEFI" and volume.boot_paths.get(number) != EFI:
            raise Refusal(f"{volume.path} is no installer of {_KNOWN}: UEFI starts from {volume.boot_paths.get(number)} "
                          f"in it, and not from {EFI}")  # fmt: skip


def configs(paths):
    """Those paths that are boot configurations."""
    return [path for path in sorted(paths) if _CONFIG.match(path)]


def product(volume):
    """What it says it is; None: a net installer does not say it."""
    if not volume.kept("/.treeinfo"):
        return None
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    try:
        parser.read_string(volume.read("/.treeinfo").decode("utf-8", "replace"))
        return " ".join(parser["branding"][key] for key in ("name", "version"))
    except (configparser.Error, KeyError):
        return None
