//! The guide: one short page for each concept.
//!
//! Start with [`getting_started`]. The table in the [crate documentation](crate#guide) says what each page answers.

#[doc = include_str!("../guide/getting_started.md")]
pub mod getting_started {}

#[doc = include_str!("../guide/connecting.md")]
pub mod connecting {}

#[doc = include_str!("../guide/authentication.md")]
pub mod authentication {}

#[doc = include_str!("../guide/sending.md")]
pub mod sending {}

#[doc = include_str!("../guide/keepalive.md")]
pub mod keepalive {}

#[doc = include_str!("../guide/ending.md")]
pub mod ending {}

#[doc = include_str!("../guide/backpressure.md")]
pub mod backpressure {}

#[doc = include_str!("../guide/sharing.md")]
pub mod sharing {}

#[doc = include_str!("../guide/reconnecting.md")]
pub mod reconnecting {}

#[doc = include_str!("../guide/frameworks.md")]
pub mod frameworks {}

#[doc = include_str!("../guide/workers.md")]
pub mod workers {}

#[doc = include_str!("../guide/send.md")]
pub mod send {}

#[doc = include_str!("../guide/errors.md")]
#[cfg_attr(
    not(all(target_family = "wasm", target_os = "unknown")),
    doc = include_str!("../guide/errors_native.md")
)]
pub mod errors {}

#[doc = include_str!("../guide/tracing.md")]
pub mod tracing {}

#[doc = include_str!("../guide/testing.md")]
pub mod testing {}

#[cfg_attr(feature = "http2", doc = include_str!("../guide/http2.md"))]
#[cfg_attr(
    not(feature = "http2"),
    doc = "Several sockets over one connection of HTTP/2, with the Cargo feature `http2`."
)]
pub mod http2 {}

#[cfg_attr(
    not(all(target_family = "wasm", target_os = "unknown")),
    doc = include_str!("../guide/native_options.md")
)]
#[cfg_attr(
    all(target_family = "wasm", target_os = "unknown"),
    doc = "Headers, cookies, proxies and certificates.\n\nIn a page the browser decides all of this; see \
           [`Options`](crate::Options#in-a-page). The documentation of a native target has the page."
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

#[doc = include_str!("../guide/systems.md")]
pub mod systems {}

#[doc = include_str!("../guide/differences.md")]
pub mod differences {}

#[doc = include_str!("../differences.md")]
#[doc = "\n# JavaScript runtimes outside browsers\n\n"]
#[doc = include_str!("../runtime_differences.md")]
pub mod engines {}

#[doc = include_str!("../guide/coming_from.md")]
pub mod coming_from {}
