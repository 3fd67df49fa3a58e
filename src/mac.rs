//! Ethernet addresses, as the command line writes them and as the kernel keeps them.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// A 48-bit Ethernet (MAC) address. Shown in lower case with colons.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// All zero: what the kernel reports for "no LACP partner".
    pub const ZERO: Self = Self([0; 6]);

    /// True for `00:00:00:00:00:00`.
    pub fn is_zero(self) -> bool {
        self == Self::ZERO
    }

    /// The address in `bytes`, if those are exactly six.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not an Ethernet address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotAMac;

impl FromStr for Mac {
    type Err = NotAMac;

    /// Six pairs of hex digits, all separated by `:` or all by `-`.
    fn from_str(text: &str) -> Result<Self, NotAMac> {
        let separator = if text.contains('-') { '-' } else { ':' };
        let mut bytes = [0; 6];
        let mut parts = text.split(separator);
        for byte in &mut bytes {
            let part = parts.next().ok_or(NotAMac)?;
            if part.len() != 2 || !part.bytes().all(|b| b.is_ascii_hexdigit()) {
                return Err(NotAMac);
            }
            *byte = u8::from_str_radix(part, 16).map_err(|_| NotAMac)?;
        }
        parts.next().is_none().then_some(Self(bytes)).ok_or(NotAMac)
    }
}

impl Serialize for Mac {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Mac {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|NotAMac| serde::de::Error::custom("not an Ethernet address"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        for (text, expected) in [
            ("00:11:22:33:44:55", Some("00:11:22:33:44:55")),
            ("00-11-22-AA-bb-55", Some("00:11:22:aa:bb:55")),
            ("00:11:22:33:44", None),
            ("00:11:22:33:44:55:66", None),
            ("00:11-22:33:44:55", None),
            ("0:11:22:33:44:555", None),
            ("+0:11:22:33:44:55", None),
            ("", None),
        ] {
            let got = text.parse::<Mac>().ok().map(|mac| mac.to_string());
            assert_eq!(got.as_deref(), expected, "{text}");
        }
    }
}
