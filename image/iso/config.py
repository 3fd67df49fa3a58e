"""A boot configuration: our words go in behind Linux's own, and come out again. Pure."""

from dataclasses import dataclass

from bake.errors import Refusal

from . import grub, isolinux, words

# The first line of a configuration that has our words: what was added, as it stands there. Both loaders skip it.
_MARK = "# bondstrap added: "


@dataclass(frozen=True)
class Entry:
    """One entry that starts Linux."""

    name: str
    # Linux's words as they stand in the file, without ours.
    own: str


class Config:
    """A configuration without any words of ours, and what has to be known to add them."""

    def __init__(self, name, data):
        self.name = name
        # Bytes are kept, whatever they mean.
        text = data.decode("latin-1")
        self._loader = grub if name.rpartition("/")[2].lower().startswith("grub") else isolinux
        self._quote = words.grub if self._loader is grub else words.isolinux
        self._text = self._without(text)

    def _without(self, text):
        """The text before an earlier run."""
        first, _, rest = text.partition("\n")
        if not first.startswith(_MARK):
            return text
        added = " " + first[len(_MARK) :]
        for _, _, end in reversed(self._loader.entries(rest)):
            if not rest[:end].endswith(added):
                raise Refusal(
                    f"{self.name} was remastered, and changed by hand since: an entry lacks `{added[1:]}`; start again "
                    f"from the original ISO"
                )
            rest = rest[: end - len(added)] + rest[end:]
        return rest

    def entries(self):
        """The entries that start Linux."""
        return [Entry(name or "(no name)", self._text[start:end].strip()) for name, start, end in self._loader.entries(self._text)]

    def strangers(self):
        """(entry, file) of those that start something else, which gets no words."""
        return [(name or "(no name)", file) for name, file in self._loader.strangers(self._text)]

    def starts_xen(self):
        """It names Xen: then a Linux kernel is to be expected."""
        return "xen" in self._text and any(loader in self._text for loader in ("multiboot", "mboot", "xen_hypervisor"))

    def added(self, kernel_words):
        """The words as they stand in this file."""
        return self._quote(kernel_words)

    def with_words(self, kernel_words):
        """The bytes of the configuration with these words in every entry that starts Linux."""
        text = self._text
        if kernel_words:
            added = self._quote(kernel_words)
            for _, _, end in reversed(self._loader.entries(text)):
                text = f"{text[:end]} {added}{text[end:]}"
            text = f"{_MARK}{added}\n{text}"
        return text.encode("latin-1")

    def kernel_line(self, entry, kernel_words):
        """What the kernel of this entry gets, give or take quotes that stand in the configuration."""
        arrived = words.arrived(kernel_words) if self._loader is grub else words.isolinux(kernel_words)
        return f"{entry.own} {arrived}".strip()
