//! MQTT over a WebSocket: the codec and the state of `rumqttc` over the bytes of a socket.

use std::collections::VecDeque;

use bytes::Bytes;
use futures::{SinkExt as _, StreamExt as _};
use rumqttc::mqttbytes::v4::{Codec, Connect, ConnectReturnCode, Disconnect, Packet, PingReq, Publish, Subscribe};
use rumqttc::{Event, MqttState, Outgoing, QoS, Request};
use samesocket::{ByteStream, connect};
use tokio::time::{Duration, Interval, MissedTickBehavior, interval};
use tokio_util::codec::Framed;

use crate::BoxError;

const MAX_PACKET: usize = 256 << 10;
const KEEP_ALIVE_SECONDS: u16 = 30;
const MAX_UNACKNOWLEDGED: u16 = 10;

/// A session with a broker.
pub struct Session {
    packets: Framed<ByteStream, Codec>,
    state: MqttState,
    keep_alive: Interval,
    /// The messages that arrived before an answer of the broker.
    received: VecDeque<Publish>,
}

impl Session {
    /// Connects to a broker.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no connection, or if the broker refuses the session.
    pub async fn connect(url: &str, client: &str) -> Result<Self, BoxError> {
        // Brokers choose the protocol by the subprotocol: https://www.iana.org/assignments/websocket
        let socket = connect(url).subprotocols(["mqtt"]).await?;
        if socket.protocol() != "mqtt" {
            return Err("the server does not speak MQTT".into());
        }
        let codec = Codec { max_incoming_size: MAX_PACKET, max_outgoing_size: MAX_PACKET };
        let mut packets = Framed::new(socket.into_bytes(), codec);
        let mut hello = Connect::new(client);
        hello.keep_alive = KEEP_ALIVE_SECONDS;
        packets.send(Packet::Connect(hello)).await?;
        match packets.next().await.transpose()? {
            Some(Packet::ConnAck(answer)) if answer.code == ConnectReturnCode::Success => {}
            other => return Err(format!("the broker refused: {other:?}").into()),
        }
        let mut keep_alive = interval(Duration::from_secs(KEEP_ALIVE_SECONDS.into()) / 2);
        keep_alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
        keep_alive.reset();
        Ok(Self { packets, state: MqttState::new(MAX_UNACKNOWLEDGED, false), keep_alive, received: VecDeque::new() })
    }

    /// Subscribes to a topic, and waits for the broker's confirmation.
    ///
    /// # Errors
    ///
    /// Returns an error if the connection ends.
    pub async fn subscribe(&mut self, topic: &str) -> Result<(), BoxError> {
        self.request(Request::Subscribe(Subscribe::new(topic, QoS::AtLeastOnce))).await?;
        self.wait_for(|packet| matches!(packet, Packet::SubAck(_))).await
    }

    /// Publishes a message, and waits until the broker has it.
    ///
    /// # Errors
    ///
    /// Returns an error if the connection ends.
    pub async fn publish(&mut self, topic: &str, payload: &[u8]) -> Result<(), BoxError> {
        self.request(Request::Publish(Publish::new(topic, QoS::AtLeastOnce, payload))).await?;
        self.wait_for(|packet| matches!(packet, Packet::PubAck(_))).await
    }

    /// Waits for the next message of the subscribed topics.
    ///
    /// # Errors
    ///
    /// Returns an error if the connection ends.
    pub async fn next(&mut self) -> Result<(String, Bytes), BoxError> {
        let message = loop {
            if let Some(message) = self.received.pop_front() {
                break message;
            }
            if let Event::Incoming(Packet::Publish(message)) = self.event().await? {
                break message;
            }
        };
        Ok((message.topic, message.payload))
    }

    /// Ends the session, and waits until the broker has closed the connection. It may do so without a Close frame.
    ///
    /// # Errors
    ///
    /// Returns an error if the connection was lost before.
    pub async fn disconnect(mut self) -> Result<(), BoxError> {
        self.request(Request::Disconnect(Disconnect)).await?;
        let (socket, _unread) = self.packets.into_inner().into_parts();
        socket.closed().await;
        Ok(())
    }

    /// Sends a request, as the state decides.
    async fn request(&mut self, request: Request) -> Result<(), BoxError> {
        if let Some(packet) = self.state.handle_outgoing_packet(request)? {
            self.packets.send(packet).await?;
        }
        Ok(())
    }

    /// Waits for an answer of the broker. Messages that arrive before are kept: the broker does not send them again.
    async fn wait_for(&mut self, is_answer: impl Fn(&Packet) -> bool) -> Result<(), BoxError> {
        loop {
            match self.event().await? {
                Event::Incoming(packet) if is_answer(&packet) => return Ok(()),
                Event::Incoming(Packet::Publish(message)) => self.received.push_back(message),
                _ => {}
            }
        }
    }

    /// Waits for the next event, and meanwhile keeps the session alive.
    async fn event(&mut self) -> Result<Event, BoxError> {
        loop {
            match self.state.events.pop_front() {
                Some(Event::Outgoing(Outgoing::PingReq)) | None => {}
                Some(event) => return Ok(event),
            }
            tokio::select! {
                packet = self.packets.next() => {
                    let packet = packet.ok_or("the broker has closed the connection")??;
                    if let Some(answer) = self.state.handle_incoming_packet(packet)? {
                        self.packets.send(answer).await?;
                    }
                }
                _ = self.keep_alive.tick() => self.request(Request::PingReq(PingReq)).await?,
            }
        }
    }
}
