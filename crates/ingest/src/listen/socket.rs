use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::AsRawFd;
use std::time::Duration;

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

/// How long a thread may be blocked in the kernel before it looks whether it should stop.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Connections that wait to be accepted; the kernel caps it at net.core.somaxconn.
const BACKLOG: i32 = 1_024;

/// Opens the UDP socket and asks for a receive buffer of this size.
pub(crate) fn bind_udp(address: SocketAddr, buffer_bytes: usize) -> io::Result<Socket> {
    let (socket, address) = open(address, Type::DGRAM, Protocol::UDP)?;
    enlarge_buffer(&socket, buffer_bytes)?;
    // What the kernel had to drop, and when each datagram came, arrive beside the datagrams.
    for (name, option) in [("SO_RXQ_OVFL", libc::SO_RXQ_OVFL), ("SO_TIMESTAMPNS", libc::SO_TIMESTAMPNS)] {
        if let Err(error) = set_option(&socket, option, 1) {
            tracing::warn!(%error, "the kernel does not offer {name}");
        }
    }
    socket.bind(&SockAddr::from(address))?;
    socket.set_read_timeout(Some(LOOK_EVERY))?;
    Ok(socket)
}

/// Opens the listening TCP socket.
pub(crate) fn bind_tcp(address: SocketAddr) -> io::Result<Socket> {
    let (socket, address) = open(address, Type::STREAM, Protocol::TCP)?;
    // A restart must not wait for the connections of the run before.
    socket.set_reuse_address(true)?;
    socket.bind(&SockAddr::from(address))?;
    socket.listen(BACKLOG)?;
    // Holds for accept too.
    socket.set_read_timeout(Some(LOOK_EVERY))?;
    Ok(socket)
}

/// Opens the listening SCTP socket, one-to-one style (RFC 6458, section 4).
pub(crate) fn bind_sctp(address: SocketAddr) -> io::Result<Socket> {
    let (socket, address) = open(address, Type::STREAM, Protocol::from(libc::IPPROTO_SCTP))?;
    socket.set_reuse_address(true)?;
    socket.bind(&SockAddr::from(address))?;
    socket.listen(BACKLOG)?;
    socket.set_read_timeout(Some(LOOK_EVERY))?;
    Ok(socket)
}

/// A socket for this address, dual stack if the address is `[::]`; on a machine without IPv6, `[::]` becomes
/// `0.0.0.0`.
fn open(address: SocketAddr, kind: Type, protocol: Protocol) -> io::Result<(Socket, SocketAddr)> {
    let any = address.ip().is_unspecified();
    let socket = match Socket::new(Domain::for_address(address), kind, Some(protocol)) {
        Err(error) if address.is_ipv6() && any && error.raw_os_error() == Some(libc::EAFNOSUPPORT) => {
            let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port()));
            return Ok((Socket::new(Domain::IPV4, kind, Some(protocol))?, address));
        }
        result => result?,
    };
    if address.is_ipv6() && any {
        socket.set_only_v6(false)?;
    }
    Ok((socket, address))
}

fn enlarge_buffer(socket: &Socket, wanted: usize) -> io::Result<()> {
    let value = i32::try_from(wanted).unwrap_or(i32::MAX);
    // Needs CAP_NET_ADMIN, and then passes the system's limit.
    if set_option(socket, libc::SO_RCVBUFFORCE, value).is_ok() {
        return Ok(());
    }
    socket.set_recv_buffer_size(wanted)?;
    // The kernel reports twice what it granted: it counts its own bookkeeping.
    let granted = socket.recv_buffer_size()? / 2;
    if granted < wanted {
        tracing::warn!(
            granted_bytes = granted,
            wanted_bytes = wanted,
            "the UDP receive buffer is small, bursts may be lost: set sysctl net.core.rmem_max={wanted} or give \
             the program CAP_NET_ADMIN"
        );
    }
    Ok(())
}

#[allow(
    unsafe_code,
    reason = "socket2 and std offer neither SO_RCVBUFFORCE nor SO_RXQ_OVFL nor SO_TIMESTAMPNS"
)]
fn set_option(socket: &Socket, option: libc::c_int, value: libc::c_int) -> io::Result<()> {
    // SAFETY: the descriptor is open for as long as `socket` is borrowed; the pointer is to an integer that lives
    // through the call, and its size is stated.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            option,
            (&raw const value).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// How many datagrams the kernel has dropped on this socket since it was opened (wraps); `None` if it does not say.
#[allow(unsafe_code, reason = "no safe crate reads SO_MEMINFO")]
pub(super) fn kernel_drops(socket: &Socket) -> Option<u32> {
    /// What the kernel fills in; the place of the drops in it is `libc::SK_MEMINFO_DROPS`.
    const VALUES: usize = libc::SK_MEMINFO_DROPS as usize + 1;
    let mut values = [0_u32; VALUES];
    let mut bytes = size_of_val(&values) as libc::socklen_t;
    // SAFETY: the descriptor is open for as long as `socket` is borrowed; the kernel writes at most `bytes` bytes to
    // `values`, which are all of it, and any bit pattern is a number.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_MEMINFO,
            values.as_mut_ptr().cast(),
            &raw mut bytes,
        )
    };
    (result == 0 && bytes as usize == size_of_val(&values)).then(|| values[VALUES - 1])
}
