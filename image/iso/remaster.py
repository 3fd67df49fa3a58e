"""The work: an installer's ISO in, the same with bondstrap out, whole or not at all."""

import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from bake import bake, kinds, machines, output
from bake.errors import Refusal
from bake.image import Image

from . import layout, readback
from .entries import Entries
from .volume import Volume, complaint, xorriso


@dataclass
class Request:
    """What is asked for, read and checked."""

    bake: bake.Request
    program: str
    words: list


@dataclass
class Report:
    """What to tell about it."""

    lines: list = field(default_factory=list)
    warnings: list = field(default_factory=list)


def remaster(source, target, request):
    """Makes `target` of `source`; a Report."""
    if machines.of(request.bake.program) != machines.X86_64:
        raise Refusal("the program is not for x86_64, as these installers are: pass the fitting one with --binary")
    _free(source, target)
    report = Report()
    before = Volume(source)
    try:
        layout.check(before)
        try:
            folder = tempfile.TemporaryDirectory(prefix=".bondstrap-", dir=os.path.dirname(os.path.abspath(target)))
        except OSError as error:
            raise Refusal(f"{target} can't be written: {error.strerror}") from None
        with folder as name:
            _room(before, target)
            try:
                made = _Work(before, Path(name), request, report).write(target)
                _free(source, target)
                os.rename(made, target)
            except OSError as error:
                raise Refusal(f"{target} can't be written: {error.strerror}") from None
    finally:
        before.close()
    return report


def _free(source, target):
    """The name of the new ISO is free."""
    if os.path.exists(target):
        if os.path.exists(source) and os.path.samefile(source, target):
            raise Refusal(f"{target} is the ISO that is read: give the new one another name")
        raise Refusal(f"{target} is there already: remove it, or give the new ISO another name")
    if os.path.islink(target):
        raise Refusal(f"{target} is a link to nowhere: remove it, or give the new ISO another name")


def _room(volume, target):
    """Said before the work, and not after a minute of it."""
    needed = volume.size + 2 * volume.length(layout.IMAGE) + (32 << 20)
    status = os.statvfs(os.path.dirname(os.path.abspath(target)))
    room = status.f_bavail * status.f_frsize
    if room < needed:
        raise Refusal(f"{target} needs {needed >> 20} MiB of room while it is made, and there are {room >> 20} MiB")


class _Work:
    """One remastering, in a directory of its own beside the new ISO."""

    def __init__(self, before, folder, request, report):
        self._before, self._folder, self._request, self._report = before, folder, request, report
        self._changed = {}

    def write(self, target):
        """Makes the ISO; where it is."""
        what = layout.product(self._before)
        if what:
            self._report.lines.append(f"{self._before.path}: {what}")
        self._configs()
        self._image()
        made = self._folder / "new.iso"
        self._xorriso(made, target)
        after = Volume(made)
        try:
            readback.check(self._before, after, {path: self._pieces(file) for path, file in self._changed.items()})
            self._report.lines.append(
                f"{target}: {after.size} bytes; read back: {len(self._changed)} files changed, "
                f"{len(after.files) - len(self._changed)} as before; {_boots(after)}"
            )
        finally:
            after.close()
        os.chmod(made, self._before.mode | 0o600)
        with open(made, "rb") as file:
            os.fsync(file.fileno())
        return made

    def _configs(self):
        """The words into every configuration, those within the FAT image as well."""
        entries = Entries(self._request.words, self._request.program)
        for path, data in entries.all(self._before.files, self._before.read).items():
            self._changed[path] = self._folder / f"file-{len(self._changed)}"
            self._changed[path].write_bytes(data)
        if self._before.kept(layout.EFI):
            image = self._folder / "efiboot.img"
            image.write_bytes(self._before.read(layout.EFI))
            if entries.efi(image, self._folder, self._before.epoch):
                self._changed[layout.EFI] = image
        self._report.lines += entries.lines
        self._report.warnings += entries.warnings()

    def _image(self):
        """Our segment behind install.img."""
        plain, new = self._folder / "install.img", self._folder / "new-install.img"
        with open(plain, "wb") as file:
            for piece in self._before.pieces(layout.IMAGE):
                file.write(piece)
        with open(plain, "rb") as file:
            image = Image(file, f"{layout.IMAGE} of {self._before.path}")
            if not kinds.XcpNg.detect(image.tree):
                raise Refusal(f"{layout.IMAGE} of {self._before.path} is not XCP-ng's: it has no {kinds.XcpNg.about}")
            self._report.warnings += layout.warnings(image.tree, layout.version(self._before))
            result = bake.into_image(self._request.bake, image)
            base, last = image.base(), image.last()
            appended = output.packed(result.archive, last.compression, sum(end - start for start, end in base))
            with open(new, "wb") as out:
                for piece in output.copy(file, base):
                    out.write(piece)
                out.write(appended)
        os.unlink(plain)
        self._report.warnings += result.warnings
        self._report.lines.append(f"{layout.IMAGE} ({last.compression}): {'; '.join(result.told[1:])}")
        self._changed[layout.IMAGE] = new

    def _xorriso(self, made, target):
        # Without `replay` the result has no boot record, and xorriso is content with it.
        arguments = ["-indev", f"stdio:{self._before.path}", "-outdev", f"stdio:{made}", "-boot_image", "any", "replay",
                     "-boot_image", "any", "gpt_disk_guid=volume_date_uuid",
                     "-volume_date", "uuid", self._before.identity, "-volume_date", "c", f"={self._before.epoch}"]  # fmt: skip
        # One session from sector 0 on, as it was; by default a second set of descriptors makes room for more.
        arguments += ["-compliance", "no_emul_toc"]
        if self._before.joliet:
            arguments += ["-joliet", "on", "-compliance", "joliet_long_names:joliet_long_paths"]
        for path, file in self._changed.items():
            os.utime(file, (self._before.epoch, self._before.epoch))
            arguments += ["-map", str(file), path, "-chown", "0", path, "--", "-chgrp", "0", path, "--",
                          "-chmod", "0444", path, "--"]  # fmt: skip
        code, _, messages = xorriso(arguments, self._before.epoch)
        if code:
            raise Refusal(f"{target} can't be written; xorriso says: {complaint(messages)}")

    @staticmethod
    def _pieces(file):
        """The bytes of a file here, each time anew."""

        def pieces():
            with open(file, "rb") as opened:
                while piece := opened.read(1 << 22):
                    yield piece

        return pieces


def _boots(volume):
    """By what it boots."""
    area = next((line.partition(":")[2].strip() for line in volume.boot if line.startswith("System area summary")), "none")
    return f"El Torito {', '.join(volume.boot_images.values())}; system area {area}"
