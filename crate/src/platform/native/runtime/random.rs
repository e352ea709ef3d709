//! The random bytes of all sockets: nonces of handshakes, and masking keys.

use std::time::SystemTime;

use rand::rngs::{StdRng, SysError, SysRng};
use rand::{Rng as _, SeedableRng as _};

use super::per_process::{Owned, PerProcess};

/// The generator of the process. A forked child seeds one of its own, so that it does not repeat its parent's bytes.
///
/// On some systems, a key from the system takes longer than sending a short message. A generator for each socket would take
/// 320 bytes of memory, and a system call when the socket is made. Keys are taken 64 at a time, so that threads hardly wait for
/// each other.
static GENERATOR: PerProcess<StdRng> = PerProcess::new();

/// Seeds the generator, unless that was done before.
///
/// # Errors
///
/// If the system has no random bytes.
pub(in crate::platform::native) fn seed() -> Result<(), SysError> {
    seed_once(&mut GENERATOR.lock())
}

/// Fills `bytes` with unpredictable bytes. Call [`seed`] first.
pub(in crate::platform::native) fn fill(bytes: &mut [u8]) {
    let mut generator = GENERATOR.lock();
    // It is seeded, except in a child that uses a socket of its parent.
    let _ = seed_once(&mut generator);
    match &mut generator.value {
        Some(generator) => generator.fill_bytes(bytes),
        None => fill_by_time(bytes),
    }
}

fn seed_once(generator: &mut Owned<StdRng>) -> Result<(), SysError> {
    if generator.value.is_none() {
        generator.value = Some(StdRng::try_from_rng(&mut SysRng)?);
    }
    Ok(())
}

/// Fills `bytes` if the system has no random bytes any more. No system is known where that happens.
fn fill_by_time(bytes: &mut [u8]) {
    let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    StdRng::seed_from_u64(time.as_secs() << 30 | u64::from(time.subsec_nanos())).fill_bytes(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_never_repeat() {
        let mut blocks = [[0; 32]; 4];
        seed().unwrap();
        fill(&mut blocks[0]);
        seed().unwrap();
        fill(&mut blocks[1]);
        // As a child finds it.
        GENERATOR.lock().value = None;
        fill(&mut blocks[2]);
        fill_by_time(&mut blocks[3]);
        for (place, block) in blocks.iter().enumerate() {
            assert!(*block != [0; 32] && !blocks[..place].contains(block), "{blocks:?}");
        }
    }

    #[test]
    fn generator_is_seeded_once() {
        let mut generator = Owned { value: Some(StdRng::seed_from_u64(7)) };
        seed_once(&mut generator).unwrap();
        assert_eq!(generator.value, Some(StdRng::seed_from_u64(7)));
    }
}
