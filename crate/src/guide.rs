//! A page for each concept of the futures API, and one for who comes from another crate.

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

#[doc = include_str!("../guide/testing.md")]
pub mod testing {}

#[doc = include_str!("../guide/differences.md")]
pub mod differences {}

#[doc = include_str!("../guide/coming_from.md")]
pub mod coming_from {}
