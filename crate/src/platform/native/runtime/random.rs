//! The random bytes of all sockets: nonces of handshakes, and masking keys.

use std::time::SystemTime;

use rand::rngs::{StdRng, SysError, SysRng};
use rand::{Rng as _, SeedableRng as _};

use super::per_process::PerProcess;

/// The generator of the process. A forked child has one of its own, so that it does not repeat its parent's bytes.
///
/// Each key could come from the system, but some systems take longer for that than all the rest of a short message does. A
/// generator for each socket would take 320 bytes of memory, and a call of the system when the socket is made. Keys are taken
/// 64 at a time, so that threads hardly wait for each other.
static GENERATOR: PerProcess<StdRng> = PerProcess::new();

/// Seeds the generator, unless that was done before.
///
/// # Errors
///
/// If the system has no random bytes.
pub(in crate::platform::native) fn seed() -> Result<(), SysError> {
    let generator = &mut GENERATOR.lock().value;
    if generator.is_none() {
        *generator = Some(StdRng::try_from_rng(&mut SysRng)?);
    }
    Ok(())
}

/// Fills `bytes` with unpredictable bytes. [`seed`] has succeeded before in this process.
pub(in crate::platform::native) fn fill(bytes: &mut [u8]) {
    // In a child whose system has no random bytes, sockets of its parent are left with the time. That this happens is not known.
    let by_time = || {
        let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        StdRng::seed_from_u64(time.as_secs() << 30 | u64::from(time.subsec_nanos()))
    };
    GENERATOR.lock_again().value.get_or_insert_with(by_time).fill_bytes(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generator_is_seeded_once_and_never_repeats() {
        let mut blocks = [[0; 32]; 3];
        seed().unwrap();
        fill(&mut blocks[0]);
        seed().unwrap();
        fill(&mut blocks[1]);
        // As after `fork`.
        GENERATOR.lock().value = None;
        fill(&mut blocks[2]);
        assert!(!blocks.contains(&[0; 32]), "{blocks:?}");
        assert!(blocks[0] != blocks[1] && blocks[1] != blocks[2] && blocks[0] != blocks[2], "{blocks:?}");
    }
}
