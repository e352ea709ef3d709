//! Properties of permessage-deflate in both directions.

use flate2::{Decompress, FlushDecompress, Status};
use samesocket_protocol::Failure;
use samesocket_protocol::deflate::{Deflater, Inflater};
use samesocket_protocol::extensions::Deflate;

/// The limit of one message.
const MESSAGE: usize = 64 << 10;

/// Checks that the result of inflating does not depend on how the input is split, and agrees with zlib.
///
/// It also checks the limit of a message, and that inflating reverses deflating. The first byte encodes the parameters, the
/// second the length of the first message, the third the size of the pieces. The rest are the messages.
///
/// # Panics
/// Panics if a property does not hold.
pub fn inflater(data: &[u8]) {
    let [flags, length, size, bytes @ ..] = data else { return };
    let flag = |bit: u32| flags & 1 << bit != 0;
    let deflate = Deflate {
        server_no_context_takeover: flag(0),
        client_no_context_takeover: flag(0),
        server_max_window_bits: 8 + (flags >> 1 & 7),
        client_max_window_bits: 8 + (flags >> 1 & 7),
    };
    let (first, second) = bytes.split_at(usize::from(*length).min(bytes.len()));
    let size = usize::from(*size) + 1;
    if flag(4) {
        check_round_trip(&deflate, first, second, size);
        return;
    }
    let (mut whole, mut pieces) = (Inflater::new(&deflate), Inflater::new(&deflate));
    for message in [first, second] {
        let inflated = inflate(&mut whole, message, usize::MAX);
        let in_pieces = inflate(&mut pieces, message, size);
        assert!(in_pieces == inflated, "the result depends on how the input is split");
        if std::ptr::eq(message, first) {
            check_against_zlib(message, &inflated, deflate.server_no_context_takeover);
        }
        if inflated.is_err() || in_pieces.is_err() {
            return;
        }
        if flag(5) {
            pieces.release_memory();
        }
    }
}

/// Inflates one message in pieces of this size.
fn inflate(with: &mut Inflater, message: &[u8], size: usize) -> Result<Vec<u8>, Failure> {
    let mut inflated = Vec::new();
    let mut sink = |piece: &[u8]| {
        if inflated.len() + piece.len() > MESSAGE {
            return Err(Failure::MessageTooLong { limit: MESSAGE as u64 });
        }
        inflated.extend_from_slice(piece);
        Ok(())
    };
    for piece in message.chunks(size) {
        let mut rest = piece;
        while !rest.is_empty() || with.has_pending_output() {
            let used = with.inflate(rest, &mut size.saturating_add(100), &mut sink)?;
            rest = &rest[used..];
        }
    }
    with.finish()?;
    Ok(inflated)
}

/// Compares the result of a first message with that of zlib.
///
/// Every message that ends within a block is found only if the window `is_reset` after it.
fn check_against_zlib(message: &[u8], inflated: &Result<Vec<u8>, Failure>, is_reset: bool) {
    let (mut zlib, mut output) = (Decompress::new(false), Vec::with_capacity(2 * MESSAGE));
    let status = zlib.decompress_vec(message, &mut output, FlushDecompress::Sync);
    // After a block with BFINAL set, our inflater begins a new stream, and zlib ends.
    let ended = matches!(status, Ok(Status::StreamEnd));
    let whole = output.len();
    let before = zlib.total_in();
    let tail = zlib.decompress_vec(&[0, 0, 0xff, 0xff], &mut output, FlushDecompress::Sync);
    let invalid = status.is_err() || tail.is_err() || output.len() > whole;
    // After the last block, the bits of a block without content end the stream.
    let is_complete = match tail {
        Ok(Status::StreamEnd) => zlib.total_in() == before + 4,
        _ => matches!(
            zlib.decompress_vec(&[3, 0], &mut Vec::with_capacity(1), FlushDecompress::Sync),
            Ok(Status::StreamEnd)
        ),
    };
    match inflated {
        // RFC 7692 requires at least one block, which an empty payload lacks. It is accepted as an empty message.
        Ok(inflated) if message.is_empty() => assert!(inflated.is_empty()),
        Ok(inflated) if ended => assert!(inflated.starts_with(&output)),
        Ok(inflated) => assert!(!invalid && *inflated == output && (is_complete || !is_reset)),
        Err(Failure::MessageTooLong { .. }) => assert!(ended || output.len() > MESSAGE),
        Err(_) => assert!(invalid || ended || !is_complete),
    }
}

/// Checks that inflating reverses deflating.
fn check_round_trip(deflate: &Deflate, first: &[u8], second: &[u8], size: usize) {
    let (mut deflater, mut inflater) = (Deflater::new(deflate), Inflater::new(deflate));
    for message in [first, second, first] {
        let mut compressed = Vec::new();
        for piece in message.chunks(size) {
            deflater.deflate(piece, false);
            compressed.extend_from_slice(deflater.deflated());
            deflater.clear();
        }
        deflater.deflate(&[], true);
        compressed.extend_from_slice(deflater.deflated());
        deflater.clear();
        assert_eq!(inflate(&mut inflater, &compressed, size).as_deref(), Ok(message));
        inflater.release_memory();
    }
}
