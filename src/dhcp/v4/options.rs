//! The options of a message: walked over, joined, and each decided alone.

use std::net::Ipv4Addr;

/// Codes of the options that are read or written here (RFC 2132 unless said otherwise).
pub(super) mod code {
    pub(in super::super) const SUBNET_MASK: u8 = 1;
    pub(in super::super) const ROUTER: u8 = 3;
    pub(in super::super) const DNS: u8 = 6;
    pub(in super::super) const HOST_NAME: u8 = 12;
    pub(in super::super) const DOMAIN: u8 = 15;
    pub(in super::super) const ROOT_PATH: u8 = 17;
    pub(in super::super) const MTU: u8 = 26;
    pub(in super::super) const BROADCAST: u8 = 28;
    pub(in super::super) const NTP: u8 = 42;
    pub(in super::super) const REQUESTED: u8 = 50;
    pub(in super::super) const LEASE_TIME: u8 = 51;
    pub(in super::super) const OVERLOAD: u8 = 52;
    pub(in super::super) const MESSAGE_TYPE: u8 = 53;
    pub(in super::super) const SERVER_ID: u8 = 54;
    pub(in super::super) const PARAMETERS: u8 = 55;
    pub(in super::super) const MESSAGE: u8 = 56;
    pub(in super::super) const MAX_SIZE: u8 = 57;
    pub(in super::super) const T1: u8 = 58;
    pub(in super::super) const T2: u8 = 59;
    pub(in super::super) const VENDOR_CLASS: u8 = 60;
    pub(in super::super) const CLIENT_ID: u8 = 61;
    pub(in super::super) const TFTP_SERVER: u8 = 66;
    pub(in super::super) const BOOTFILE: u8 = 67;
    /// RFC 4039.
    pub(in super::super) const RAPID_COMMIT: u8 = 80;
    /// RFC 3397.
    pub(in super::super) const SEARCH: u8 = 119;
    /// RFC 3442.
    pub(in super::super) const ROUTES: u8 = 121;
    /// What Microsoft's servers send in place of 121.
    pub(in super::super) const ROUTES_MS: u8 = 249;
}

/// One byte without meaning (RFC 2132 §3.1).
const PAD: u8 = 0;
/// Nothing behind it counts (RFC 2132 §3.2).
const END: u8 = 255;

/// What is read; all else is dropped while walking, so that a message full of options costs nothing.
const READ: [u8; 22] = [
    code::SUBNET_MASK,
    code::ROUTER,
    code::DNS,
    code::HOST_NAME,
    code::DOMAIN,
    code::ROOT_PATH,
    code::MTU,
    code::BROADCAST,
    code::NTP,
    code::LEASE_TIME,
    code::OVERLOAD,
    code::MESSAGE_TYPE,
    code::SERVER_ID,
    code::MESSAGE,
    code::T1,
    code::T2,
    code::TFTP_SERVER,
    code::BOOTFILE,
    code::RAPID_COMMIT,
    code::SEARCH,
    code::ROUTES,
    code::ROUTES_MS,
];

/// Which header fields hold options instead of what they are named for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Overload {
    pub(super) file: bool,
    pub(super) sname: bool,
}

/// Options by code, repeats joined (RFC 3396), raw.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Options {
    by_code: Vec<(u8, Vec<u8>)>,
    pub(super) overload: Overload,
}

impl Options {
    /// The options of a message: the field after the cookie, then `file`, then `sname` where option 52 says so
    /// (RFC 2131 §4.1 has the order, RFC 3396 §5 joins over all three).
    pub(super) fn collect(options: &[u8], file: &[u8], sname: &[u8]) -> Self {
        let mut all = Self::default();
        all.walk(options);
        // Any other value or length is ignored. An overload within an overloaded field has no meaning: whatever
        // comes of 52 after this line is not looked at.
        let overload = all.u8(code::OVERLOAD).unwrap_or(0);
        all.overload = Overload { file: matches!(overload, 1 | 3), sname: matches!(overload, 2 | 3) };
        if all.overload.file {
            all.walk(file);
        }
        if all.overload.sname {
            all.walk(sname);
        }
        all
    }

    /// Ends at END, or where an option would go past the field. (dhcproto's iterator loses an option whose repeat is
    /// cut off, and brings in, by way of an `unwrap()`, all of Unicode's domain names.)
    fn walk(&mut self, field: &[u8]) {
        let mut rest = field;
        loop {
            let (code, length, behind) = match *rest {
                [PAD, ref behind @ ..] => {
                    rest = behind;
                    continue;
                }
                [END, ..] | [] | [_] => return,
                [code, length, ref behind @ ..] => (code, length, behind),
            };
            let Some((data, behind)) = behind.split_at_checked(usize::from(length)) else { return };
            rest = behind;
            if !READ.contains(&code) {
                continue;
            }
            match self.by_code.iter_mut().find(|(known, _)| *known == code) {
                Some((_, joined)) => joined.extend_from_slice(data),
                None => self.by_code.push((code, data.to_vec())),
            }
        }
    }

    /// The raw bytes of an option.
    pub(super) fn bytes(&self, code: u8) -> Option<&[u8]> {
        self.by_code.iter().find(|(known, _)| *known == code).map(|(_, data)| data.as_slice())
    }

    /// An option of one byte.
    pub(super) fn u8(&self, code: u8) -> Option<u8> {
        self.exactly(code).map(u8::from_be_bytes)
    }

    /// An option of two bytes.
    pub(super) fn u16(&self, code: u8) -> Option<u16> {
        self.exactly(code).map(u16::from_be_bytes)
    }

    /// An option of four bytes.
    pub(super) fn u32(&self, code: u8) -> Option<u32> {
        self.exactly(code).map(u32::from_be_bytes)
    }

    /// An option that is one address.
    pub(super) fn address(&self, code: u8) -> Option<Ipv4Addr> {
        self.exactly::<4>(code).map(Ipv4Addr::from)
    }

    /// An option that is a list of one address or more.
    pub(super) fn addresses(&self, code: u8) -> Option<Vec<Ipv4Addr>> {
        let (addresses, rest) = self.bytes(code)?.as_chunks::<4>();
        (rest.is_empty() && !addresses.is_empty())
            .then(|| addresses.iter().copied().map(Into::into).collect())
    }

    /// An option whose presence is all: length 0.
    pub(super) fn flag(&self, code: u8) -> bool {
        self.exactly::<0>(code).is_some()
    }

    /// None also where the length is another: such an option is ignored.
    fn exactly<const N: usize>(&self, code: u8) -> Option<[u8; N]> {
        self.bytes(code)?.try_into().ok()
    }
}
