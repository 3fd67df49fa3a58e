//! `BOOTIF=`: the NIC that PXE used, as PXELINUX (`IPAPPEND 2`), iPXE and GRUB write it.

use super::address::station_mac;
use super::problems::{Problems, quoted};
use super::split::{Place, Text};
use crate::mac::Mac;

/// The MAC, with dashes or colons; in front of it `01-` (ARP's hardware type Ethernet), `00-` or nothing. What is not
/// one is left out.
pub fn parse(value: Text<'_>, problems: &mut Problems) -> Option<(Mac, Place)> {
    let text = value.text.trim_end_matches([':', '-']);
    let bare = match text.get(..3) {
        Some("01-" | "00-" | "01:" | "00:") if text.len() > "00:11:22:33:44:55".len() => &text[3..],
        _ => text,
    };
    let mac = station_mac(bare);
    if mac.is_none() {
        let message = format!(
            "BOOTIF=: {} is not a NIC's MAC and left out: write such as 01-00-11-22-33-44-55",
            quoted(value.text)
        );
        problems.warning(value.place, message);
    }
    mac.map(|mac| (mac, value.place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings() {
        for (text, expected) in [
            ("01-00-11-22-AA-44-55", Some("00:11:22:aa:44:55")),
            ("00-00-11-22-33-44-55", Some("00:11:22:33:44:55")),
            ("01:00:11:22:33:44:55", Some("00:11:22:33:44:55")),
            ("00-11-22-33-44-55", Some("00:11:22:33:44:55")),
            ("00:11:22:33:44:55:", Some("00:11:22:33:44:55")),
            ("02-00-11-22-33-44-55", None),
            ("00-11-22-33-44", None),
            ("01-01-11-22-33-44-55", None),
            ("00-00-00-00-00-00", None),
            ("\u{e9}1-00-11-22-33-44-55", None),
            ("", None),
        ] {
            let place = Place { word: 0, column: 1 };
            let mut problems = Problems::default();
            let got = parse(Text { text, place }, &mut problems).map(|(mac, _)| mac.to_string());
            assert_eq!(got.as_deref(), expected, "{text}");
        }
    }
}
