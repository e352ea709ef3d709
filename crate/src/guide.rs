//! The guide: one short page for each concept.
//!
//! Start with [connecting] and [ending]. The table in the [crate documentation](crate#guide) says what each page answers.

#[doc = include_str!("../guide/connecting.md")]
pub mod connecting {}

#[doc = include_str!("../guide/ending.md")]
pub mod ending {}

#[doc = include_str!("../guide/backpressure.md")]
pub mod backpressure {}

#[doc = include_str!("../guide/sharing.md")]
pub mod sharing {}

#[doc = include_str!("../guide/reconnecting.md")]
pub mod reconnecting {}

#[doc = include_str!("../guide/errors.md")]
#[cfg_attr(
    not(all(target_family = "wasm", target_os = "unknown")),
    doc = include_str!("../guide/errors_native.md")
)]
pub mod errors {}

#[doc = include_str!("../guide/testing.md")]
pub mod testing {}

#[cfg_attr(
    not(all(target_family = "wasm", target_os = "unknown")),
    doc = include_str!("../guide/native_options.md")
)]
#[cfg_attr(
    all(target_family = "wasm", target_os = "unknown"),
    doc = "Headers, cookies, proxies and certificates: native targets only.\n\nIn a browser the engine decides all of this. \
           The documentation of a native target has the page."
)]
pub mod native_options {}

#[cfg_attr(
    not(all(target_family = "wasm", target_os = "unknown")),
    doc = include_str!("../guide/runtimes.md")
)]
#[cfg_attr(
    all(target_family = "wasm", target_os = "unknown"),
    doc = "Threads and async runtimes: native targets only.\n\nIn a browser a socket runs on the event loop of the thread \
           that created it. The documentation of a native target has the page."
)]
pub mod runtimes {}

#[doc = include_str!("../guide/differences.md")]
pub mod differences {}

#[doc = include_str!("../differences.md")]
pub mod engines {}

#[doc = include_str!("../guide/coming_from.md")]
pub mod coming_from {}
