"""A boot configuration: our words go in behind Linux's own, and come out again. Pure."""

from dataclasses import dataclass

from bake.errors import Refusal

from . import grub, isolinux, words

# The first line of a configuration that has our words: what was added, as it stands there. Both loaders skip it. A second
# one where rescue entries got less.
_MARK = "# bondstrap added: "


@dataclass(frozen=True)
class Entry:
    """One entry that starts Linux."""

    name: str
    # Linux's words as they stand in the file, without ours.
    own: str

    @property
    def rescue(self):
        """It starts a shell: who chooses it wants to look at a host, and not to lose it."""
        return words.is_shell(self.own)

    def gets(self, kernel_words):
        """Those of the words that are for it."""
        return words.attended(kernel_words) if self.rescue else kernel_words


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
        all_added, rest = [], text
        while rest.startswith(_MARK):
            first, _, rest = rest.partition("\n")
            all_added.append(_spaced(first[len(_MARK) :]))
        if not all_added:
            return text
        for _, _, end in reversed(self._loader.entries(rest)):
            # The longer one comes first. Earlier versions gave the same to all.
            added = next((added for added in all_added if rest[:end].endswith(added)), None)
            if added is None:
                raise Refusal(
                    f"{self.name} was remastered, and changed by hand since: an entry lacks `{all_added[0][1:]}`; start "
                    f"again from the original ISO"
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
            marks = {self._quote(kernel_words)}
            for entry, (_, _, end) in zip(reversed(self.entries()), reversed(self._loader.entries(text))):
                added = self._quote(entry.gets(kernel_words))
                marks.add(added)
                text = text[:end] + _spaced(added) + text[end:]
            text = "".join(f"{_MARK}{added}\n" for added in sorted(marks, key=len, reverse=True)) + text
        return text.encode("latin-1")

    def kernel_line(self, entry, kernel_words):
        """What the kernel of this entry gets, give or take quotes that stand in the configuration."""
        arrived = words.arrived(kernel_words) if self._loader is grub else words.isolinux(kernel_words)
        return f"{entry.own} {arrived}".strip()


def _spaced(added):
    return f" {added}" if added else ""
