//! Options of DHCPv6 messages: cut apart here. (pure)
//!
//! `dhcproto::v6` is not used for what comes in (tried, 0.15): it ends without a word at the first option that it can't
//! parse, so that one odd search list loses the address behind it; it goes down into options within options as deep as
//! a sender likes; and of two options of a kind it does not say which came first.

/// Option codes (RFC 8415 §21, RFC 3646), as `dhcproto` numbers them.
pub(super) mod code {
    use dhcproto::v6::OptionCode;

    pub(in super::super) const CLIENT_ID: OptionCode = OptionCode::ClientId;
    pub(in super::super) const SERVER_ID: OptionCode = OptionCode::ServerId;
    pub(in super::super) const IA_NA: OptionCode = OptionCode::IANA;
    pub(in super::super) const IA_ADDRESS: OptionCode = OptionCode::IAAddr;
    pub(in super::super) const ORO: OptionCode = OptionCode::ORO;
    pub(in super::super) const PREFERENCE: OptionCode = OptionCode::Preference;
    pub(in super::super) const ELAPSED: OptionCode = OptionCode::ElapsedTime;
    pub(in super::super) const STATUS: OptionCode = OptionCode::StatusCode;
    pub(in super::super) const RAPID_COMMIT: OptionCode = OptionCode::RapidCommit;
    pub(in super::super) const DNS: OptionCode = OptionCode::DomainNameServers;
    pub(in super::super) const SEARCH: OptionCode = OptionCode::DomainSearchList;
    pub(in super::super) const REFRESH: OptionCode = OptionCode::InformationRefreshTime;
    pub(in super::super) const SOL_MAX_RT: OptionCode = OptionCode::SolMaxRt;
    pub(in super::super) const INF_MAX_RT: OptionCode = OptionCode::InfMaxRt;
}

use dhcproto::v6::OptionCode;

/// A run of options, one level of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Options<'a>(&'a [u8]);

impl<'a> Options<'a> {
    /// None where one goes past the end: then nothing of them counts.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut rest = bytes;
        while !rest.is_empty() {
            (_, _, rest) = first(rest)?;
        }
        Some(Self(bytes))
    }

    /// All of one kind, in their order.
    pub(super) fn all(self, code: OptionCode) -> impl Iterator<Item = &'a [u8]> {
        let wanted = u16::from(code);
        let mut rest = self.0;
        std::iter::from_fn(move || {
            loop {
                let (code, data, more) = first(rest)?;
                rest = more;
                if code == wanted {
                    return Some(data);
                }
            }
        })
    }

    /// The one of a kind that may be there once; of several the first (RFC 8415 §16: the rest of a message with more
    /// is not worth less).
    pub(super) fn one(self, code: OptionCode) -> Option<&'a [u8]> {
        self.all(code).next()
    }

    /// A number of four bytes.
    pub(super) fn u32(self, code: OptionCode) -> Option<u32> {
        self.one(code)?.try_into().ok().map(u32::from_be_bytes)
    }
}

/// Code, data, and what follows.
fn first(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let [c0, c1, l0, l1, rest @ ..] = bytes else { return None };
    let (data, rest) = rest.split_at_checked(u16::from_be_bytes([*l0, *l1]).into())?;
    Some((u16::from_be_bytes([*c0, *c1]), data, rest))
}

/// Puts an option behind others. What does not fit into one is none.
pub(super) fn put(out: &mut Vec<u8>, code: OptionCode, data: &[u8]) {
    if let Ok(length) = u16::try_from(data.len()) {
        out.extend([u16::from(code).to_be_bytes(), length.to_be_bytes()].concat());
        out.extend(data);
    }
}
