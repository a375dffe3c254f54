use std::io;
use std::mem::MaybeUninit;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsRawFd;

use model::Micros;
use socket2::Socket;

/// Datagrams taken by one system call. More brings nothing: the call's own cost is spread thin enough.
pub(super) const BATCH: usize = 128;

/// Room for one datagram: no UDP datagram is larger. Only the pages that packets really touch take memory.
const SLOT_BYTES: usize = 65_536;

/// From one slot to the next: a little more than a power of two, or the starts of all slots would fall on the same few
/// lines of the processor's caches and drive each other out.
const SLOT_STEP: usize = SLOT_BYTES + 17 * 64;

/// Room for the two messages asked for: drop count (4 bytes) and time of arrival (16 bytes), with their headers.
const CONTROL_WORDS: usize = 8;

/// One buffer for a batch of datagrams, used again and again.
pub(super) struct Receiver {
    arena: Box<[u8]>,
    names: Box<[libc::sockaddr_storage]>,
    controls: Box<[[u64; CONTROL_WORDS]]>,
    vectors: Box<[libc::iovec]>,
    headers: Box<[libc::mmsghdr]>,
    count: usize,
}

/// One received datagram.
pub(super) struct Datagram<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) sender: SocketAddr,
    /// When the kernel took it off the network, if it says.
    pub(super) received: Option<Micros>,
    /// How many datagrams the kernel had dropped on this socket when it queued this one (wraps), if any.
    pub(super) kernel_drops: Option<u32>,
}

#[allow(
    unsafe_code,
    reason = "recvmmsg: no safe crate gives batches, drop counts and times of arrival together"
)]
impl Receiver {
    pub(super) fn new() -> Self {
        // SAFETY: all four are C structures of integers and pointers, for which zero is a value.
        let zeroed = unsafe {
            (
                MaybeUninit::<libc::sockaddr_storage>::zeroed().assume_init(),
                MaybeUninit::<libc::iovec>::zeroed().assume_init(),
                MaybeUninit::<libc::mmsghdr>::zeroed().assume_init(),
            )
        };
        Self {
            arena: vec![0; BATCH * SLOT_STEP].into_boxed_slice(),
            names: vec![zeroed.0; BATCH].into_boxed_slice(),
            controls: vec![[0; CONTROL_WORDS]; BATCH].into_boxed_slice(),
            vectors: vec![zeroed.1; BATCH].into_boxed_slice(),
            headers: vec![zeroed.2; BATCH].into_boxed_slice(),
            count: 0,
        }
    }

    /// Waits for the first datagram, no longer than the socket's read timeout (not at all unless `wait`), and takes
    /// those that are there with it; how many.
    pub(super) fn receive(&mut self, socket: &Socket, wait: bool) -> io::Result<usize> {
        self.count = 0;
        let slots = self.arena.chunks_exact_mut(SLOT_STEP).zip(&mut self.names).zip(&mut self.controls);
        let structs = self.vectors.iter_mut().zip(&mut self.headers);
        for (((slot, name), control), (vector, header)) in slots.zip(structs) {
            vector.iov_base = slot.as_mut_ptr().cast();
            vector.iov_len = SLOT_BYTES;
            header.msg_len = 0;
            header.msg_hdr.msg_name = std::ptr::from_mut(name).cast();
            header.msg_hdr.msg_namelen = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
            header.msg_hdr.msg_iov = vector;
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_control = control.as_mut_ptr().cast();
            header.msg_hdr.msg_controllen = size_of_val(control) as _;
            header.msg_hdr.msg_flags = 0;
        }
        let flags = if wait { libc::MSG_WAITFORONE } else { libc::MSG_DONTWAIT };
        // SAFETY: the descriptor is open for as long as `socket` is borrowed. Every header points to a name, a vector,
        // a control buffer and, through the vector, a slot that are its own, live as long as `self` and are not
        // touched otherwise during the call; no length exceeds its buffer.
        let count = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                BATCH as libc::c_uint,
                flags as _,
                std::ptr::null_mut(),
            )
        };
        self.count = usize::try_from(count).map_err(|_| io::Error::last_os_error())?;
        Ok(self.count)
    }

    /// What the last call took, in order of arrival. A datagram whose sender is no IP address cannot come from an
    /// IP socket and is left out.
    pub(super) fn datagrams(&self) -> impl Iterator<Item = Datagram<'_>> {
        (0..self.count).filter_map(|place| {
            let header = &self.headers[place];
            let start = place * SLOT_STEP;
            let length = (header.msg_len as usize).min(SLOT_BYTES);
            let sender = address(&self.names[place])?;
            let (received, kernel_drops) = notes(&header.msg_hdr);
            Some(Datagram { bytes: &self.arena[start..start + length], sender, received, kernel_drops })
        })
    }
}

#[allow(unsafe_code, reason = "an address is a C union told apart by its family")]
fn address(storage: &libc::sockaddr_storage) -> Option<SocketAddr> {
    let pointer: *const libc::sockaddr_storage = storage;
    match libc::c_int::from(storage.ss_family) {
        libc::AF_INET => {
            // SAFETY: the family says that the storage, which is larger and no less aligned, holds this type.
            let v4 = unsafe { &*pointer.cast::<libc::sockaddr_in>() };
            let ip = Ipv4Addr::from(v4.sin_addr.s_addr.to_ne_bytes());
            Some((ip, u16::from_be(v4.sin_port)).into())
        }
        libc::AF_INET6 => {
            // SAFETY: as above.
            let v6 = unsafe { &*pointer.cast::<libc::sockaddr_in6>() };
            Some((Ipv6Addr::from(v6.sin6_addr.s6_addr), u16::from_be(v6.sin6_port)).into())
        }
        _ => None,
    }
}

/// The time of arrival and the drop count that came beside a datagram.
#[allow(unsafe_code, reason = "control messages are read through the macros of C")]
fn notes(header: &libc::msghdr) -> (Option<Micros>, Option<u32>) {
    let (mut received, mut drops) = (None, None);
    // SAFETY: the kernel has filled the control buffer and stated its length in this very header, whose pointers are
    // those of `Receiver::receive`: the buffers have not moved, nor been written since. The macros stay within that
    // length, and each value is read only if its message is long enough for it, from wherever it lies.
    unsafe {
        let mut message = libc::CMSG_FIRSTHDR(header);
        while !message.is_null() {
            let control = &*message;
            let data = libc::CMSG_DATA(message);
            let holds = |bytes: usize| control.cmsg_len as usize >= libc::CMSG_LEN(bytes as _) as usize;
            match (control.cmsg_level, control.cmsg_type) {
                (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) if holds(size_of::<libc::timespec>()) => {
                    let time = data.cast::<libc::timespec>().read_unaligned();
                    received = Some(Micros(time.tv_sec * Micros::SECOND + time.tv_nsec / 1_000));
                }
                (libc::SOL_SOCKET, libc::SO_RXQ_OVFL) if holds(size_of::<u32>()) => {
                    drops = Some(data.cast::<u32>().read_unaligned());
                }
                _ => {}
            }
            message = libc::CMSG_NXTHDR(header, message);
        }
    }
    (received, drops)
}
