//! Problems as they are found, and as they are told.

use std::collections::BTreeSet;

use super::split::{Place, Word};
use crate::escape::printable;
use crate::plan::{Level, Problem};

/// So many are told; a line that has more is not a command line any more.
const TOLD: usize = 50;

/// Collects problems; order does not matter.
#[derive(Default)]
pub struct Problems {
    found: Vec<(Place, Level, String)>,
    /// Words that something else replaced: their problems are nobody's.
    replaced: BTreeSet<usize>,
}

impl Problems {
    /// What can't be followed, or can be read in two ways.
    pub fn error(&mut self, place: Place, message: impl Into<String>) {
        self.found.push((place, Level::Error, message.into()));
    }

    /// What can be left out without changing the meaning.
    pub fn warning(&mut self, place: Place, message: impl Into<String>) {
        self.found.push((place, Level::Warning, message.into()));
    }

    /// Nothing that was or will be found in this word counts.
    pub fn replaced(&mut self, word: usize) {
        self.replaced.insert(word);
    }

    /// True if [`Self::replaced`] was said of this word.
    pub fn is_replaced(&self, word: usize) -> bool {
        self.replaced.contains(&word)
    }

    /// Takes in all that others found.
    pub fn append(&mut self, others: Self) {
        self.found.extend(others.found);
        self.replaced.extend(others.replaced);
    }

    /// All of them in the order of the line, each once, with the words that they are about.
    pub fn told(mut self, words: &[Word<'_>]) -> Vec<Problem> {
        self.found.retain(|(place, _, _)| !self.replaced.contains(&place.word));
        self.found.sort_by_key(|(place, _, _)| *place);
        self.found.dedup();
        let surplus = self.found.len().saturating_sub(TOLD);
        if surplus > 0 {
            // An error among a thousand warnings must still be one.
            self.found.sort_by_key(|(_, level, _)| *level == Level::Warning);
            self.found.truncate(TOLD);
            self.found.sort_by_key(|(place, _, _)| *place);
        }
        let mut told: Vec<Problem> = self
            .found
            .into_iter()
            .filter_map(|(place, level, message)| {
                let word = words.get(place.word)?;
                // A place behind the word (what is missing there) is shown at its last character.
                let last = word.place.column + word.chars.saturating_sub(1);
                let column = place.column.clamp(word.place.column, last);
                let before: String = word.raw.chars().take(column - word.place.column).collect();
                let within = printable(&before).chars().count();
                let word = printable(word.raw).into_owned();
                Some(Problem { level, word, column, within, message: printable(&message).into_owned() })
            })
            .collect();
        if let Some(last) = told.last_mut().filter(|_| surplus > 0) {
            last.message.push_str(&format!(" (and {surplus} more problems)"));
        }
        told
    }
}

/// `text` in quotes for a message, cut if it is long.
pub fn quoted(text: &str) -> String {
    format!("\"{}\"", cut(text))
}

/// So much of `text` as a message can bear.
pub fn cut(text: &str) -> String {
    const SHOWN: usize = 40;
    let mut shown: String = text.chars().take(SHOWN).collect();
    if shown.len() < text.len() {
        shown.push_str("...");
    }
    shown
}
