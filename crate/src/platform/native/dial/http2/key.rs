//! The settings that sockets must have in common to share a connection.

use std::sync::Arc;

use tokio::runtime::{Handle, Id};

use crate::platform::native::dial::connector::Connector;
use crate::platform::native::dial::proxy::ProxyServer;
use crate::platform::native::dial::route::Route;
use crate::platform::native::dial::tcp_settings::TcpSettings;
use crate::platform::native::dial::tls::TlsSettings;
use crate::sync::same_arc;
use crate::types::http2::Http2;

/// All that decides how a connection is made, beside the address of the server. Sockets whose keys differ never share one.
///
/// The fields of the request are not part of it, because each stream has its own.
#[derive(Clone)]
pub(super) struct Key {
    /// The runtime on which the task of the connection lives.
    runtime: Id,
    server_name: Option<String>,
    tls: TlsSettings,
    tls_with_proxies: TlsSettings,
    proxy: Option<ProxyServer>,
    connector: Option<Arc<dyn Connector>>,
    tcp: TcpSettings,
    http2: Http2,
    max_head: usize,
}

impl Key {
    pub(super) fn new(route: &Route<'_>) -> Self {
        let options = route.options;
        Self {
            runtime: Handle::current().id(),
            server_name: options.tls_server_name().map(str::to_owned),
            tls: options.tls.clone(),
            tls_with_proxies: options.tls_with_proxies.clone(),
            proxy: route.proxy.clone(),
            connector: options.connector.clone(),
            tcp: options.tcp.clone(),
            http2: options.http2.clone(),
            max_head: options.limits.head,
        }
    }
}

/// Two keys are equal if a connection made with one could have been made with the other.
impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        same_arc(self.connector.as_ref(), other.connector.as_ref())
            && self.runtime == other.runtime
            && self.server_name == other.server_name
            && self.tls == other.tls
            && self.tls_with_proxies == other.tls_with_proxies
            && self.proxy == other.proxy
            && self.tcp == other.tcp
            && self.http2 == other.http2
            && self.max_head == other.max_head
    }
}
