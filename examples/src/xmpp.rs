//! XMPP over a WebSocket ([RFC 7395](https://www.rfc-editor.org/rfc/rfc7395)): each message is one XML document.

use data_encoding::BASE64;
use roxmltree::Document;
use samesocket::{ReadyState, Socket, connect};

use crate::BoxError;

/// A client that is logged in.
pub struct Client {
    socket: Socket,
    address: String,
}

/// A received chat message.
#[derive(Debug, PartialEq, Eq)]
pub struct Message {
    /// The sender's address.
    pub from: String,
    /// The text.
    pub body: String,
}

impl Client {
    /// Connects and logs in with a password.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no connection, or if the server refuses the login.
    pub async fn login(url: &str, domain: &str, user: &str, password: &str) -> Result<Self, BoxError> {
        let socket = connect(url).subprotocols(["xmpp"]).await?;
        let mut client = Self { socket, address: String::new() };
        client.open_stream(domain).await?;
        // SASL PLAIN: https://www.rfc-editor.org/rfc/rfc4616
        let credentials = BASE64.encode(format!("\0{user}\0{password}").as_bytes());
        client
            .send(format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{credentials}</auth>"))
            .await?;
        client.expect("success").await?;
        client.open_stream(domain).await?;
        client.bind().await?;
        client.send("<presence xmlns='jabber:client'/>".to_owned()).await?;
        Ok(client)
    }

    /// Returns the address that the server gave to this client.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Sends a chat message.
    ///
    /// # Errors
    ///
    /// Returns an error if the socket is closed.
    pub async fn send_message(&mut self, to: &str, body: &str) -> Result<(), BoxError> {
        let (to, body) = (escape(to), escape(body));
        self.send(format!("<message xmlns='jabber:client' type='chat' to='{to}'><body>{body}</body></message>")).await
    }

    /// Waits for the next chat message.
    ///
    /// # Errors
    ///
    /// Returns an error if the connection ends.
    pub async fn next_message(&mut self) -> Result<Message, BoxError> {
        loop {
            let text = self.receive().await?;
            let document = Document::parse(&text)?;
            let root = document.root_element();
            let body = root.children().find(|child| child.has_tag_name(("jabber:client", "body")));
            if let (true, Some(body)) = (root.has_tag_name(("jabber:client", "message")), body) {
                let from = root.attribute("from").unwrap_or_default().to_owned();
                return Ok(Message { from, body: body.text().unwrap_or_default().to_owned() });
            }
        }
    }

    /// Ends the stream, then closes the socket: <https://www.rfc-editor.org/rfc/rfc7395#section-3.6>.
    ///
    /// # Errors
    ///
    /// Returns an error if the connection is lost meanwhile.
    pub async fn close(mut self) -> Result<(), BoxError> {
        self.send("<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>".to_owned()).await?;
        // Until then, the server may still pass on messages and presences.
        while self.expect("close").await.is_err() && self.socket.ready_state() == ReadyState::Open {}
        self.socket.close(Some(1000), None).await?;
        Ok(())
    }

    async fn open_stream(&mut self, domain: &str) -> Result<(), BoxError> {
        let domain = escape(domain);
        self.send(format!("<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='{domain}' version='1.0'/>")).await?;
        self.expect("open").await?;
        self.expect("features").await?;
        Ok(())
    }

    /// Asks for an address with a resource: <https://www.rfc-editor.org/rfc/rfc6120#section-7>.
    async fn bind(&mut self) -> Result<(), BoxError> {
        let bind =
            "<iq xmlns='jabber:client' type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>";
        self.send(bind.to_owned()).await?;
        let text = self.expect("iq").await?;
        let document = Document::parse(&text)?;
        let address =
            document.descendants().find(|node| node.has_tag_name(("urn:ietf:params:xml:ns:xmpp-bind", "jid")));
        let address = address.and_then(|node| node.text()).ok_or("the server gave no address")?;
        address.clone_into(&mut self.address);
        Ok(())
    }

    async fn send(&mut self, xml: String) -> Result<(), BoxError> {
        Ok(self.socket.send(xml.into()).await?)
    }

    async fn receive(&mut self) -> Result<String, BoxError> {
        match self.socket.next().await.transpose()? {
            Some(message) => Ok(message.into_text().map_err(|_| "a binary message")?.into()),
            None => Err(format!("closed with code {}", self.socket.closed().await.code).into()),
        }
    }

    /// Receives a document with this root element.
    async fn expect(&mut self, name: &str) -> Result<String, BoxError> {
        let text = self.receive().await?;
        if Document::parse(&text)?.root_element().tag_name().name() == name {
            Ok(text)
        } else {
            Err(format!("expected <{name}>, received {text}").into())
        }
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('\'', "&apos;")
}
