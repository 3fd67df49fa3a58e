//! The words in the namespace `bondstrap.`. A bad value is left out and the default stands.

use super::problems::{Problems, quoted};
use super::split::Text;
use crate::plan::{ClientId, Fallback, LogLevel};

/// One of `choices` by its name, in any case of letters.
fn choice<T: Copy>(value: Text<'_>, word: &str, choices: &[(&str, T)], problems: &mut Problems) -> Option<T> {
    let text = value.text.trim_end_matches(':');
    let found = choices.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, value)| *value);
    if found.is_none() {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        let message =
            format!("{word}: {} is left out: write one of {}", quoted(value.text), names.join(", "));
        problems.warning(value.place, message);
    }
    found
}

/// `bondstrap=`: true if it says `off`.
pub fn off(value: Text<'_>, problems: &mut Problems) -> bool {
    let choices = [("off", true), ("on", false), ("0", true), ("1", false), ("no", true), ("yes", false)];
    choice(value, "bondstrap=", &choices, problems).unwrap_or(false)
}

/// `bondstrap.log=`.
pub fn log(value: Text<'_>, problems: &mut Problems) -> LogLevel {
    use LogLevel::{Debug, Error, Info, Off, Trace, Warn};
    let choices =
        [("off", Off), ("error", Error), ("warn", Warn), ("info", Info), ("debug", Debug), ("trace", Trace)];
    choice(value, "bondstrap.log=", &choices, problems).unwrap_or_default()
}

/// `bondstrap.fallback=`.
pub fn fallback(value: Text<'_>, problems: &mut Problems) -> Fallback {
    let choices =
        [("none", Fallback::None), ("active-backup", Fallback::ActiveBackup), ("single", Fallback::Single)];
    choice(value, "bondstrap.fallback=", &choices, problems).unwrap_or_default()
}

/// `bondstrap.clientid=`.
pub fn client_id(value: Text<'_>, problems: &mut Problems) -> ClientId {
    let choices = [("mac", ClientId::Mac), ("duid", ClientId::Duid), ("none", ClientId::None)];
    choice(value, "bondstrap.clientid=", &choices, problems).unwrap_or_default()
}

/// `bondstrap.handover=auto|none|LIST`. Which names a list may have is the handover's affair; here they are words of
/// letters, digits, dots and dashes, and `auto` and `none` stand alone.
pub fn handover(value: Text<'_>, problems: &mut Problems) -> Option<Vec<String>> {
    let mut list: Vec<String> = Vec::new();
    let text = value.text.trim_end_matches(':').to_ascii_lowercase();
    for name in text.split(',').filter(|name| !name.is_empty()) {
        if !list.iter().any(|known| known == name) && list.len() < 32 {
            list.push(name.to_owned());
        }
    }
    let plain = |name: &String| name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    let alone = list.len() == 1 || !list.iter().any(|name| name == "auto" || name == "none");
    if list.is_empty() || !alone || !list.iter().all(plain) {
        let message = format!(
            "bondstrap.handover=: {} is left out: write auto, none, or names with commas between",
            quoted(value.text)
        );
        problems.warning(value.place, message);
        return None;
    }
    Some(list)
}

/// `bondstrap.answerfile=`: what fetches it (hooks/xcp-ng/answerfile) takes no other schemes.
pub fn answerfile(value: Text<'_>, problems: &mut Problems) -> Option<String> {
    let sound = value.text.split_once("://").is_some_and(|(scheme, rest)| {
        ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) && !rest.is_empty()
    }) && value.text.bytes().all(|b| b.is_ascii_graphic())
        && value.text.len() <= 2048;
    if !sound {
        let message = format!(
            "bondstrap.answerfile=: {} is not an http:// or https:// URL and left out: write such as http://192.0.2.5/answers.xml",
            quoted(value.text)
        );
        problems.warning(value.place, message);
    }
    sound.then(|| value.text.to_owned())
}

/// `bondstrap.flip`, bare or with a switch.
pub fn flip(value: Option<Text<'_>>, problems: &mut Problems) -> bool {
    let Some(value) = value.filter(|value| !value.text.is_empty()) else { return true };
    let choices = [("1", true), ("on", true), ("yes", true), ("0", false), ("off", false), ("no", false)];
    choice(value, "bondstrap.flip=", &choices, problems).unwrap_or(false)
}
