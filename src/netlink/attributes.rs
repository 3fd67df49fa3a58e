//! Attributes of netlink messages, and attributes within them. (pure)

/// All of them in order: type and value. What is cut short ends it.
pub(crate) fn of(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    /// The two highest bits are flags (NLA_F_NESTED, NLA_F_NET_BYTEORDER).
    const TYPE: u16 = 0x3fff;
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let [l0, l1, t0, t1] = *rest.first_chunk()?;
        let length = usize::from(u16::from_ne_bytes([l0, l1]));
        let value = rest.get(4..length)?;
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((u16::from_ne_bytes([t0, t1]) & TYPE, value))
    })
}

/// A number of one byte, two or four, in the machine's order.
pub(crate) fn number(value: &[u8]) -> Option<u32> {
    match *value {
        [byte] => Some(byte.into()),
        [a, b] => Some(u16::from_ne_bytes([a, b]).into()),
        [a, b, c, d] => Some(u32::from_ne_bytes([a, b, c, d])),
        _ => None,
    }
}

/// Text up to its NUL; what is not UTF-8 is replaced.
pub(crate) fn text(value: &[u8]) -> String {
    let end = value.iter().position(|byte| *byte == 0).unwrap_or(value.len());
    String::from_utf8_lossy(&value[..end]).into_owned()
}

/// An IP address, by its length.
pub(crate) fn address(value: &[u8]) -> Option<std::net::IpAddr> {
    match value.len() {
        4 => Some(<[u8; 4]>::try_from(value).ok()?.into()),
        16 => Some(<[u8; 16]>::try_from(value).ok()?.into()),
        _ => None,
    }
}

/// Appends an attribute.
pub(crate) fn put(to: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let length = 4 + value.len() as u16;
    to.extend(length.to_ne_bytes());
    to.extend(kind.to_ne_bytes());
    to.extend(value);
    to.resize(to.len().next_multiple_of(4), 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_the_length_says() {
        let bytes = [5, 0, 1, 0x80, 7, 0, 0, 0, 4, 0, 2, 0, 6, 0, 3, 0, 1, 2];
        let found: Vec<_> = of(&bytes).collect();
        assert_eq!(found, [(1, &[7][..]), (2, &[][..]), (3, &[1, 2][..])]);
        for length in [0, 1, 3, 19, 255] {
            let mut cut = bytes;
            cut[0] = length;
            assert!(of(&cut).count() <= 3);
        }
        assert_eq!(of(&bytes[..3]).count(), 0);
        assert_eq!([number(&[7]), number(&[]), number(&[0; 3])], [Some(7), None, None]);
        assert_eq!(text(b"eth\xff0\0x"), "eth\u{fffd}0");
    }
}
