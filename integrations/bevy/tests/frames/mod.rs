//! Frames of an app, and what its systems have read.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bevy_app::App;
use bevy_ecs::prelude::*;
use samesocket::testing::Network;

/// The updates that a system has read, as text.
#[derive(Resource, Default)]
pub(crate) struct Seen(pub(crate) Vec<String>);

/// Lets all tasks of the test run until they wait, and then a frame of the app. Returns what was read.
pub(crate) async fn frame(network: &Network, app: &mut App) -> Vec<String> {
    network.clock().sleep(Duration::from_millis(1)).await;
    app.update();
    std::mem::take(&mut app.world_mut().resource_mut::<Seen>().0)
}

/// The number of times that a socket has woken its application.
#[derive(Clone, Default)]
pub(crate) struct Wakes(Arc<AtomicUsize>);

impl Wakes {
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}
