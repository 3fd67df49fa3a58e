"""Appends bondstrap to an initramfs. `cli` is the way in; everything but `cli`, `image`, `streams` and `output` is pure."""
