"""The words in all configurations of an installer, and what is told about them."""

from bake.errors import Refusal

from . import dom0, fat, layout
from .config import Config

IDLE = (
    "no words given, so bondstrap stays idle until somebody types on tty2 "
    "`bondstrap --cmdline 'bond=eth0,eth1 ip=dhcp' up`"
)


class Entries:
    """Changes configurations one by one; `lines` tell what became of each entry."""

    def __init__(self, kernel_words, program):
        self._words, self._program = kernel_words, program
        self.lines, self._kernel_lines, self._strangers = [], [], []

    def config(self, name, data):
        """The new bytes of one configuration, and how many entries of it start Linux."""
        config = Config(name, data)
        entries = config.entries()
        if not entries and config.starts_xen():
            raise Refusal(f"{name} starts Xen, but no Linux kernel that is known here (vmlinuz)")
        if entries:
            self.lines.append(name)
        for entry in entries:
            gets = entry.gets(self._words)
            plus = f" + {config.added(gets)}" if gets else ""
            less = " (it starts a shell, so it gets no words that install without a question)" if gets != self._words else ""
            self.lines.append(f"  {entry.name}: {entry.own}{plus}{less}")
            self._kernel_lines.append(dom0.Line(f"{name}, {entry.name}", entry.own, config.kernel_line(entry, gets)))
        self._strangers += [
            f"{name}, {entry}: it starts {file}, which is no Linux that is known here (vmlinuz): it is left as it is, "
            f"without any words" for entry, file in config.strangers()
        ]  # fmt: skip
        return config.with_words(self._words), len(entries)

    def all(self, paths, read):
        """path → new bytes, of those that change. `read(path)` fetches one."""
        changed, count = {}, 0
        for path in layout.configs(paths):
            data = read(path)
            new, entries = self.config(path, data)
            count += entries
            if new != data:
                changed[path] = new
        if not count:
            raise Refusal("no boot configuration of this installer starts Linux: nothing would get the words")
        return changed

    def efi(self, image, folder, epoch):
        """The same within the FAT image, a file here; whether it changed."""
        changed = {}
        for path in layout.configs(fat.listing(image, layout.EFI)):
            data = fat.read(image, path, layout.EFI)
            new, _ = self.config(f"{layout.EFI}:{path}", data)
            if new != data:
                changed[path] = new
        if changed:
            size = image.stat().st_size
            fat.replace(image, changed, folder, layout.EFI, epoch)
            if image.stat().st_size != size:
                self.lines.append(f"{layout.EFI} was full: {size} bytes, now {image.stat().st_size}")
        return bool(changed)

    def warnings(self):
        """What the kernels of all these entries would make of their words. What would be lost on the way is refused."""
        return ([] if self._words else [IDLE]) + self._strangers + dom0.warnings(self._kernel_lines, self._program)
