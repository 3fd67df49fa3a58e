//! Tests that run anywhere: no root, no network, no kernel module.

mod as_words;
mod held;
mod persist_cases;
mod persist_command;
mod plan_cases;
mod plan_command;
mod plan_lines;
mod plan_properties;
mod plan_words;
mod reference;
mod sources;
