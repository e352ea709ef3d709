//! The client side of SOCKS5, by [RFC 1928](https://www.rfc-editor.org/rfc/rfc1928), with user names and passwords by
//! [RFC 1929](https://www.rfc-editor.org/rfc/rfc1929).

use std::error::Error;
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};

use crate::platform::native::dial::io_stream::send;
use crate::types::failure::ProxyFailure;

/// The most bytes of a user name, a password, or a host name: their length is sent as one byte.
pub(super) const MAX_LEN: usize = u8::MAX as usize;

const VERSION: u8 = 5;
const VERSION_OF_PASSWORD: u8 = 1;
const NO_AUTHENTICATION: u8 = 0;
const USERNAME_AND_PASSWORD: u8 = 2;
const COMMAND_CONNECT: u8 = 1;
const TYPE_IPV4: u8 = 1;
const TYPE_NAME: u8 = 3;
const TYPE_IPV6: u8 = 4;
const SUCCEEDED: u8 = 0;

/// A user name and a password, each of at most [`MAX_LEN`] bytes. Either may be empty.
pub(super) struct Credentials {
    pub(super) username: Vec<u8>,
    pub(super) password: Vec<u8>,
}

/// Requests a connection to `host` and `port` of the proxy behind `stream`. The proxy resolves names.
///
/// It reads no byte that belongs to the server.
pub(super) async fn connect<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    credentials: Option<Credentials>,
    host: &str,
    port: u16,
) -> Result<S, ProxyFailure> {
    let request = request(host, port)?;
    let offer: &[u8] = match credentials {
        None => &[VERSION, 1, NO_AUTHENTICATION],
        Some(_) => &[VERSION, 2, NO_AUTHENTICATION, USERNAME_AND_PASSWORD],
    };
    send(&mut stream, offer).await.map_err(ProxyFailure::lost)?;
    let [version, method] = read(&mut stream).await?;
    if version != VERSION {
        return Err(SocksError::NotSocks5.into());
    }
    match (method, credentials) {
        (NO_AUTHENTICATION, _) => {}
        (USERNAME_AND_PASSWORD, Some(credentials)) => authenticate(&mut stream, &credentials).await?,
        (USERNAME_AND_PASSWORD, None) => return Err(SocksError::NeedsPassword.into()),
        _ => return Err(SocksError::NoMethod.into()),
    }
    send(&mut stream, &request).await.map_err(ProxyFailure::lost)?;
    read_reply(&mut stream).await?;
    Ok(stream)
}

/// Returns the request for a connection.
fn request(host: &str, port: u16) -> Result<Vec<u8>, SocksError> {
    let mut request = vec![VERSION, COMMAND_CONNECT, 0];
    match host.parse() {
        Ok(IpAddr::V4(address)) => {
            request.push(TYPE_IPV4);
            request.extend(address.octets());
        }
        Ok(IpAddr::V6(address)) => {
            request.push(TYPE_IPV6);
            request.extend(address.octets());
        }
        Err(_) => {
            request.push(TYPE_NAME);
            request.push(u8::try_from(host.len()).map_err(|_| SocksError::LongName)?);
            request.extend(host.bytes());
        }
    }
    request.extend(port.to_be_bytes());
    Ok(request)
}

async fn authenticate<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    credentials: &Credentials,
) -> Result<(), ProxyFailure> {
    let mut request = vec![VERSION_OF_PASSWORD];
    for part in [&credentials.username, &credentials.password] {
        request.push(u8::try_from(part.len()).map_err(|_| SocksError::LongCredentials)?);
        request.extend(part);
    }
    send(stream, &request).await.map_err(ProxyFailure::lost)?;
    match read(stream).await? {
        [_, SUCCEEDED] => Ok(()),
        [_, status] => Err(SocksError::WrongPassword { status }.into()),
    }
}

/// Reads the reply to the request, with the address that the proxy is bound to.
async fn read_reply<S: AsyncRead + Unpin>(stream: &mut S) -> Result<(), ProxyFailure> {
    let [version, code, _, kind] = read(stream).await?;
    if version != VERSION {
        return Err(SocksError::NotSocks5.into());
    }
    if code != SUCCEEDED {
        return Err(SocksError::Refused { code }.into());
    }
    let address_len = match kind {
        TYPE_IPV4 => 4,
        TYPE_IPV6 => 16,
        TYPE_NAME => usize::from(stream.read_u8().await.map_err(ProxyFailure::lost)?),
        _ => return Err(SocksError::NotSocks5.into()),
    };
    let mut rest = [0; MAX_LEN + size_of::<u16>()];
    let rest = rest.get_mut(..address_len + size_of::<u16>()).unwrap_or_default();
    stream.read_exact(rest).await.map(drop).map_err(ProxyFailure::lost)
}

async fn read<const N: usize>(stream: &mut (impl AsyncRead + Unpin)) -> Result<[u8; N], ProxyFailure> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).await.map_err(ProxyFailure::lost)?;
    Ok(bytes)
}

/// The reason why a SOCKS5 proxy did not connect.
#[derive(Debug)]
enum SocksError {
    NotSocks5,
    NeedsPassword,
    NoMethod,
    WrongPassword { status: u8 },
    LongCredentials,
    LongName,
    Refused { code: u8 },
}

impl SocksError {
    const fn kind(&self) -> io::ErrorKind {
        match self {
            Self::NotSocks5 => io::ErrorKind::InvalidData,
            Self::LongCredentials | Self::LongName => io::ErrorKind::InvalidInput,
            Self::NeedsPassword | Self::NoMethod | Self::WrongPassword { .. } | Self::Refused { code: 2 } => {
                io::ErrorKind::PermissionDenied
            }
            Self::Refused { code: 3 } => io::ErrorKind::NetworkUnreachable,
            Self::Refused { code: 4 } => io::ErrorKind::HostUnreachable,
            Self::Refused { code: 5 } => io::ErrorKind::ConnectionRefused,
            Self::Refused { code: 6 } => io::ErrorKind::TimedOut,
            Self::Refused { code: 7 | 8 } => io::ErrorKind::Unsupported,
            Self::Refused { .. } => io::ErrorKind::Other,
        }
    }
}

impl fmt::Display for SocksError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSocks5 => f.write_str("the response is not SOCKS5"),
            Self::NeedsPassword => f.write_str("the proxy demands a user name and a password"),
            Self::NoMethod => f.write_str("the proxy accepts none of the offered methods of authentication"),
            Self::WrongPassword { status } => {
                write!(f, "the proxy refused the user name or the password with status {status}")
            }
            Self::LongCredentials => write!(f, "the user name or the password has more than {MAX_LEN} bytes"),
            Self::LongName => write!(f, "the host name has more than {MAX_LEN} bytes"),
            Self::Refused { code } => {
                let meaning = match code {
                    1 => "general failure",
                    2 => "not allowed by the rules of the proxy",
                    3 => "network unreachable",
                    4 => "host unreachable",
                    5 => "connection refused",
                    6 => "TTL expired",
                    7 => "command not supported",
                    8 => "address type not supported",
                    _ => "unknown code",
                };
                write!(f, "the proxy refused the request with code {code}: {meaning}")
            }
        }
    }
}

impl Error for SocksError {}

impl From<SocksError> for ProxyFailure {
    fn from(error: SocksError) -> Self {
        Self::Socks { source: Arc::new(io::Error::new(error.kind(), error)) }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    /// Performs the client's side over a pipe that holds these responses. Returns what it sent, and the result.
    ///
    /// The last byte of the responses belongs to the server.
    async fn conversation(
        credentials: Option<(&[u8], &[u8])>,
        host: &str,
        responses: &[u8],
    ) -> (Vec<u8>, Result<Vec<u8>, ProxyFailure>) {
        let (client, mut proxy) = tokio::io::duplex(2048);
        proxy.write_all(responses).await.unwrap();
        let (mut sent, own) = tokio::io::split(proxy);
        let credentials = credentials
            .map(|(username, password)| Credentials { username: username.to_vec(), password: password.to_vec() });
        let client = async {
            let mut stream = connect(client, credentials, host, 0x1234).await?;
            let mut rest = Vec::new();
            drop(own);
            stream.shutdown().await.unwrap();
            stream.read_buf(&mut rest).await.unwrap();
            Ok(rest)
        };
        let mut bytes = Vec::new();
        let (result, read) = futures::join!(client, sent.read_to_end(&mut bytes));
        read.unwrap();
        (bytes, result)
    }

    #[tokio::test]
    async fn names_and_addresses_are_requested_by_their_type() {
        for (host, address) in [
            ("h.test", &b"\x03\x06h.test"[..]),
            ("192.0.2.1", &[1, 192, 0, 2, 1]),
            ("::1", &[4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
        ] {
            // The proxy's address may be of each type, too. Nothing of the server's is read with it.
            for bound in [&[1, 0, 0, 0, 0, 0, 0][..], &[4; 19], b"\x03\x02ab\0\0", b"\x03\0\0\0"] {
                let (sent, result) = conversation(None, host, &[b"\x05\0\x05\0\0", bound, b"x"].concat()).await;
                assert_eq!(sent, [b"\x05\x01\0\x05\x01\0", address, b"\x12\x34"].concat());
                assert_eq!(result.unwrap(), b"x");
            }
        }
    }

    #[tokio::test]
    async fn credentials_are_sent_as_bytes_even_if_empty() {
        let request = b"\x05\x01\0\x03\x01h\x12\x34";
        for (username, password, sent_for_them) in [
            (&b"me"[..], &b""[..], &b"\x01\x02me\0"[..]),
            (b"", b"pw", b"\x01\0\x02pw"),
            (b"m\xff", b"\0\xfe", b"\x01\x02m\xff\x02\0\xfe"),
        ] {
            let responses = b"\x05\x02\x01\0\x05\0\0\x01\0\0\0\0\0\0x";
            let (sent, result) = conversation(Some((username, password)), "h", responses).await;
            assert_eq!(sent, [b"\x05\x02\0\x02", sent_for_them, request].concat());
            assert_eq!(result.unwrap(), b"x");
        }
        // A proxy that demands none gets none.
        let (sent, _) = conversation(Some((b"me", b"pw")), "h", b"\x05\0\x05\0\0\x01\0\0\0\0\0\0x").await;
        assert_eq!(sent, [&b"\x05\x02\0\x02"[..], request].concat());
    }

    #[tokio::test]
    async fn refusals_and_malformed_responses_are_distinguished() {
        let me: Option<(&[u8], &[u8])> = Some((b"me", b"pw"));
        for (credentials, responses, expected, kind) in [
            (None, &b"HTTP/1.1"[..], "the response is not SOCKS5", io::ErrorKind::InvalidData),
            (None, b"\x04\0", "the response is not SOCKS5", io::ErrorKind::InvalidData),
            (None, b"\x05\0\x04\0\0\x01", "the response is not SOCKS5", io::ErrorKind::InvalidData),
            (None, b"\x05\0\x05\0\0\x02", "the response is not SOCKS5", io::ErrorKind::InvalidData),
            (None, b"\x05\x02", "the proxy demands a user name and a password", io::ErrorKind::PermissionDenied),
            (
                me,
                b"\x05\xff",
                "the proxy accepts none of the offered methods of authentication",
                io::ErrorKind::PermissionDenied,
            ),
            (
                me,
                b"\x05\x02\x01\x07",
                "the proxy refused the user name or the password with status 7",
                io::ErrorKind::PermissionDenied,
            ),
            (
                None,
                b"\x05\0\x05\x05\0\x01",
                "the proxy refused the request with code 5: connection refused",
                io::ErrorKind::ConnectionRefused,
            ),
            (
                None,
                b"\x05\0\x05\x63\0\x01",
                "the proxy refused the request with code 99: unknown code",
                io::ErrorKind::Other,
            ),
        ] {
            let failure = conversation(credentials, "h", responses).await.1.unwrap_err();
            let ProxyFailure::Socks { source } = failure else { panic!("{failure:?}") };
            assert_eq!((&*source.to_string(), source.kind()), (expected, kind));
        }
        for (responses, name) in [(&b"\x05"[..], "h".to_owned()), (b"\x05\0\x05\0\0\x01\0", "h".to_owned())] {
            let (client, mut proxy) = tokio::io::duplex(2048);
            proxy.write_all(responses).await.unwrap();
            proxy.shutdown().await.unwrap();
            let failure = connect(client, None, &name, 1).await.unwrap_err();
            let ProxyFailure::Lost { source } = failure else { panic!("{failure:?}") };
            assert_eq!(source.kind(), io::ErrorKind::UnexpectedEof);
        }
    }

    #[test]
    fn host_name_beyond_one_byte_of_length_is_refused() {
        assert!(request(&"a".repeat(255), 1).is_ok());
        let failure = ProxyFailure::from(request(&"a".repeat(256), 1).unwrap_err());
        let ProxyFailure::Socks { source } = failure else { panic!("{failure:?}") };
        assert_eq!(source.to_string(), "the host name has more than 255 bytes");
    }
}
