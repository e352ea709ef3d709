//! Native sockets over loopback, against a fault server and a server that the test plays itself.
//!
//! The helpers come first: `support`, `manual_server`, `separate_runtimes`, `certificates`.
#![cfg(not(target_family = "wasm"))]

mod aborted;
mod answer_order;
mod background_receiving;
mod blobs;
mod blocking_pool;
mod broken_connections;
mod callbacks;
mod certificates;
mod child_process;
mod compression;
mod default_runtime;
mod descriptors;
mod direct_receiving;
mod driver_races;
mod error_texts;
mod failures;
mod fairness;
mod handshake_queue;
mod idle_memory;
mod ipv6;
mod lifecycle;
mod live;
mod manual_server;
mod network_options;
mod options;
mod paused_reading;
mod pings;
mod pinned_certificates;
mod proxies;
mod proxy_tls;
mod reconnecting;
mod redirects;
mod responses;
mod runtimes;
mod secrets;
mod sender_writes;
mod separate_runtimes;
mod stopped_process;
mod streams;
mod support;
mod timers;
mod tls;
mod user_code;
