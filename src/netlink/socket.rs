//! Requests to the kernel and its answers, one at a time.
//!
//! The kernel does the work within the call that sends, so there is nothing to wait for meanwhile, and an answer that does
//! not come is an error of its own. After an error the socket is opened anew. What comes back is cut into messages here,
//! and not by rtnetlink: that ends its connection for ever at the first read that fails, and takes a dump that broke off
//! for a whole one.

use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::AsRawFd;

use nix::sys::socket::{NetlinkAddr, recvfrom, setsockopt, sockopt};
use nix::sys::time::{TimeVal, TimeValLike};
use rtnetlink::packet_core::{Emitable, NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST};
use rtnetlink::sys::{Socket, protocols::NETLINK_ROUTE};

use super::words_of;
use crate::engine::types::Refusal;
use crate::escape;

/// The kernel has answered before the call that sends has returned. Seconds.
const PATIENCE: i64 = 2;
/// What the kernel fills at most (netlink_dump()). Bytes.
const LARGEST: usize = 32_768;
/// A table that changes while it is read is read again, so often.
const TRIES: u32 = 10;

/// `struct nlmsghdr`.
const HEADER: usize = 16;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLM_F_DUMP_INTR: u16 = 0x10;

/// A socket for requests.
#[derive(Debug)]
pub(super) struct Requests {
    socket: RefCell<Option<Socket>>,
    sequence: Cell<u32>,
    buffer: RefCell<Vec<u8>>,
}

/// Something to be done by the kernel.
pub(super) struct Request {
    kind: u16,
    flags: u16,
    body: Vec<u8>,
}

impl Request {
    /// `kind`: `RTM_*`; `flags`: `NLM_F_*` beside REQUEST and ACK.
    pub(super) fn new(kind: u16, flags: u16, message: &impl Emitable) -> Self {
        let mut body = vec![0; message.buffer_len()];
        message.emit(&mut body);
        Self::raw(kind, flags, body)
    }

    /// The same for a message that is bytes already.
    pub(super) fn raw(kind: u16, flags: u16, body: Vec<u8>) -> Self {
        Self { kind, flags: flags | NLM_F_REQUEST | NLM_F_ACK, body }
    }
}

impl Requests {
    /// Opens it.
    ///
    /// # Errors
    /// Where the kernel gives no netlink socket.
    pub(super) fn open() -> io::Result<Self> {
        Ok(Self {
            socket: RefCell::new(Some(socket()?)),
            sequence: Cell::new(0),
            buffer: RefCell::new(vec![0; LARGEST]),
        })
    }

    /// Has something done.
    pub(super) fn one(&self, request: Request) -> Result<(), Refusal> {
        self.all(&[request]).into_iter().next().unwrap_or(Ok(()))
    }

    /// Has several things done in a row, as close together as can be; an answer for each.
    pub(super) fn all(&self, requests: &[Request]) -> Vec<Result<(), Refusal>> {
        let first = self.sequence.get().wrapping_add(1);
        let mut bytes = Vec::new();
        for request in requests {
            put(&mut bytes, request.kind, request.flags, self.next(), &request.body);
        }
        let mut answers: Vec<Option<Result<(), Refusal>>> = requests.iter().map(|_| None).collect();
        let ended = self.talk(&bytes, |message| {
            let place = message.sequence.wrapping_sub(first) as usize;
            if let (Some(answer), NLMSG_ERROR) = (answers.get_mut(place), message.kind) {
                *answer = Some(refusal(message.payload).map_or(Ok(()), Err));
            }
            Ok(answers.iter().all(Option::is_some))
        });
        let unanswered = || Refusal { errno: 0, text: "the kernel gave no answer".into() };
        let late = ended.err().unwrap_or_else(unanswered);
        answers.into_iter().map(|answer| answer.unwrap_or_else(|| Err(late.clone()))).collect()
    }

    /// Reads a whole table: the bodies of its messages.
    pub(super) fn dump(&self, kind: u16, body: &[u8]) -> Result<Vec<Vec<u8>>, Refusal> {
        for _ in 0..TRIES {
            let sequence = self.next();
            let mut bytes = Vec::new();
            put(&mut bytes, kind, NLM_F_REQUEST | NLM_F_DUMP, sequence, body);
            let (mut found, mut interrupted) = (Vec::new(), false);
            self.talk(&bytes, |message| {
                if message.sequence != sequence {
                    return Ok(false);
                }
                interrupted |= message.flags & NLM_F_DUMP_INTR != 0;
                match message.kind {
                    NLMSG_ERROR | NLMSG_DONE => refusal(message.payload).map_or(Ok(true), Err),
                    _ => {
                        found.push(message.payload.to_vec());
                        Ok(false)
                    }
                }
            })?;
            if !interrupted {
                return Ok(found);
            }
        }
        Err(Refusal { errno: 0, text: "what was read changed all the time".into() })
    }

    fn next(&self) -> u32 {
        self.sequence.set(self.sequence.get().wrapping_add(1));
        self.sequence.get()
    }

    /// Sends, and hands what comes back to `take` until that is content. An error closes the socket: whatever of an
    /// answer is still to come must not be taken for another's.
    fn talk(
        &self,
        bytes: &[u8],
        mut take: impl FnMut(Message<'_>) -> Result<bool, Refusal>,
    ) -> Result<(), Refusal> {
        let mut held = self.socket.borrow_mut();
        let opened = match held.take() {
            Some(opened) => opened,
            None => socket()?,
        };
        opened.send(bytes, 0)?;
        let mut buffer = self.buffer.borrow_mut();
        loop {
            let (length, from) = match recvfrom::<NetlinkAddr>(opened.as_raw_fd(), &mut buffer) {
                Err(nix::Error::EINTR) => continue,
                Err(nix::Error::EAGAIN) => {
                    let text = format!("the kernel gave no answer within {PATIENCE} s");
                    return Err(Refusal { errno: 0, text });
                }
                received => received.map_err(io::Error::from)?,
            };
            if from.is_some_and(|from| from.pid() != 0) {
                continue;
            }
            let mut rest = buffer.get(..length).unwrap_or_default();
            while let Some((message, more)) = cut(rest) {
                rest = more;
                match take(message) {
                    Ok(false) => {}
                    Ok(true) => {
                        *held = Some(opened);
                        return Ok(());
                    }
                    Err(refusal) => return Err(refusal),
                }
            }
        }
    }
}

fn socket() -> io::Result<Socket> {
    let mut socket = Socket::new(NETLINK_ROUTE)?;
    socket.bind_auto()?;
    // Error text in the kernel's own words; kernels before 4.12 do not know these, and do without.
    let _ = socket.set_ext_ack(true);
    let _ = socket.set_cap_ack(true);
    setsockopt(&socket, sockopt::ReceiveTimeout, &TimeVal::seconds(PATIENCE))?;
    Ok(socket)
}

/// One message of a datagram.
struct Message<'a> {
    kind: u16,
    flags: u16,
    sequence: u32,
    payload: &'a [u8],
}

/// The first message, and what follows it.
fn cut(bytes: &[u8]) -> Option<(Message<'_>, &[u8])> {
    let header = bytes.first_chunk::<HEADER>()?;
    let [l0, l1, l2, l3, k0, k1, f0, f1, s0, s1, s2, s3, ..] = *header;
    let length = u32::from_ne_bytes([l0, l1, l2, l3]) as usize;
    let message = Message {
        kind: u16::from_ne_bytes([k0, k1]),
        flags: u16::from_ne_bytes([f0, f1]),
        sequence: u32::from_ne_bytes([s0, s1, s2, s3]),
        payload: bytes.get(HEADER..length)?,
    };
    Some((message, bytes.get(length.next_multiple_of(4)..).unwrap_or_default()))
}

fn put(bytes: &mut Vec<u8>, kind: u16, flags: u16, sequence: u32, body: &[u8]) {
    let length = (HEADER + body.len()) as u32;
    bytes.extend(length.to_ne_bytes());
    bytes.extend([kind.to_ne_bytes(), flags.to_ne_bytes()].concat());
    bytes.extend([sequence.to_ne_bytes(), [0; 4]].concat());
    bytes.extend(body);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}

/// What NLMSG_ERROR or NLMSG_DONE says; none: it is done.
fn refusal(payload: &[u8]) -> Option<Refusal> {
    let errno = i32::from_ne_bytes(*payload.first_chunk()?).checked_neg().filter(|errno| *errno != 0)?;
    let number = words_of(errno);
    let text = extended(&payload[4..]).map_or(number.to_owned(), |words| format!("{words} ({number})"));
    Some(Refusal { errno, text })
}

/// The kernel's own words: `NLMSGERR_ATTR_MSG` (1) behind the request's header, which `NETLINK_CAP_ACK` has cut
/// to 16 bytes.
fn extended(behind: &[u8]) -> Option<String> {
    const ATTR_MSG: u16 = 1;
    let words = super::attributes::of(behind.get(HEADER..)?).find(|(kind, _)| *kind == ATTR_MSG)?.1;
    Some(escape::bytes(words.strip_suffix(&[0]).unwrap_or(words)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_words_are_found_behind_the_header() {
        let mut payload = (-22_i32).to_ne_bytes().to_vec();
        payload.extend([0; 16]);
        let text = |payload: &[u8]| refusal(payload).map(|refusal| (refusal.errno, refusal.text));
        assert_eq!(text(&payload), Some((22, "Invalid argument".into())));
        // NLMSGERR_ATTR_OFFS (2), then the text.
        payload.extend([8, 0, 2, 0, 1, 0, 0, 0, 10, 0, 1, 0, b'h', b'e', b'l', b'l', 27, 0, 0, 0]);
        assert_eq!(text(&payload), Some((22, "hell\\x1b (Invalid argument)".into())));
        payload.truncate(34);
        assert_eq!(text(&payload), Some((22, "Invalid argument".into())), "cut in the middle of the text");
        assert_eq!(text(&[0; 20]), None, "an ACK");
        assert_eq!(text(&i32::MIN.to_ne_bytes()), None);
    }

    #[test]
    fn messages_of_any_length() {
        let mut bytes = Vec::new();
        put(&mut bytes, 16, 2, 7, &[1, 2, 3]);
        put(&mut bytes, 3, 0x10, 8, &[]);
        let (first, rest) = cut(&bytes).unwrap();
        assert_eq!((first.kind, first.flags, first.sequence, first.payload), (16, 2, 7, &[1, 2, 3][..]));
        let (second, rest) = cut(rest).unwrap();
        assert_eq!((second.kind, second.flags, second.sequence, rest.len()), (3, 0x10, 8, 0));
        for length in [0_u32, 15, 17, u32::MAX] {
            bytes[..4].copy_from_slice(&length.to_ne_bytes());
            assert!(cut(&bytes).is_none_or(|(_, rest)| rest.len() < bytes.len()), "{length}");
        }
        assert!(cut(&bytes[..15]).is_none());
    }

    #[test]
    fn the_kernel_answers_also_after_a_socket_that_broke() {
        let requests = Requests::open().unwrap();
        let links = requests.dump(super::super::RTM_GETLINK, &[0; 16]).unwrap();
        assert!(!links.is_empty(), "there is a loopback at least");
        *requests.socket.borrow_mut() = None;
        assert_eq!(requests.dump(super::super::RTM_GETLINK, &[0; 16]).unwrap().len(), links.len());
        let nonsense = requests.dump(0x7fff, &[0; 16]).unwrap_err();
        assert_eq!(nonsense.errno, 95, "{}", nonsense.text);
        assert_eq!(requests.dump(super::super::RTM_GETLINK, &[0; 16]).unwrap().len(), links.len());
    }
}
