//! A model of the kernel, and what must hold whatever fails.
