//! What bytes go over: a socket, or memory. Neither waits: who finds nothing is told so.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use super::locked;

type Buffer = Arc<Mutex<VecDeque<u8>>>;

/// One end.
pub(super) enum Wire {
    Socket(TcpStream),
    Memory { from: Buffer, to: Buffer },
}

impl Wire {
    pub(super) fn socket(socket: TcpStream) -> Wire {
        socket.set_nonblocking(true).expect("a socket that need not wait");
        socket.set_nodelay(true).expect("a socket that sends at once");
        Wire::Socket(socket)
    }
}

/// Both ends of one in memory.
pub(super) fn pipe() -> [Wire; 2] {
    let [near, far] = [Buffer::default(), Buffer::default()];
    [
        Wire::Memory { from: Arc::clone(&near), to: Arc::clone(&far) },
        Wire::Memory { from: far, to: near },
    ]
}

impl Read for Wire {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Wire::Socket(socket) => socket.read(bytes),
            Wire::Memory { from, .. } => match locked(from).read(bytes)? {
                0 => Err(io::ErrorKind::WouldBlock.into()),
                read => Ok(read),
            },
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Wire::Socket(socket) => socket.write(bytes),
            Wire::Memory { to, .. } => locked(to).write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
