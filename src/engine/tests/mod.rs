//! The engine against a world of values: no kernel, no clock, no network.

mod building;
mod earlier;
mod ending;
mod fallback;
mod fields;
mod flipped;
mod hearing;
mod holding;
mod hours;
mod lan;
mod lease_words;
mod leasing;
mod meant;
mod passed;
mod phases;
mod random;
mod rooted;
mod sharing;
mod six;
mod static6;
mod uppers;
mod verdicts;
mod world;
mod world6;
