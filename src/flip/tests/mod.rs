//! A model of the kernel, and what must hold whatever fails.

mod failing;
mod messages;
mod model;

pub(super) use model::snapshot;
