//! The names of IANA's [WebSocket Subprotocol Name Registry], in its order, as of 2026-06-10.
//!
//! Names are case-sensitive. Create a name that is not listed with [`Subprotocol::from_static`].
//!
//! [WebSocket Subprotocol Name Registry]: https://www.iana.org/assignments/websocket/websocket.xhtml#subprotocol-name

use super::Subprotocol;

/// Defines a constant for each line `NAME = "name", "description", "reference";`, and adds it to [`ALL`].
///
/// `NAME` is the name in capitals, with `_` for each character that is not allowed in an identifier, and before a
/// leading digit. The reference is the document that the registry cites, or else the organization that registered the
/// name.
macro_rules! registered {
    ($($constant:ident = $name:literal, $description:literal, $reference:literal;)+) => {
        $(
            #[doc = concat!("`", $name, "`: ", $description, ".\n\nReference: ", $reference, ".")]
            pub const $constant: Subprotocol = Subprotocol::from_static($name);
        )+

        /// Every constant of this module, in the registry's order.
        pub const ALL: &[Subprotocol] = &[$($constant),+];

        /// The names as strings, for the tests.
        #[cfg(test)]
        const NAMES: &[&str] = &[$($name),+];
    };
}

registered! {
    MBWS_HUAWEI_COM = "MBWS.huawei.com", "the message broker subprotocol of an Internet-Draft, in its MBWS form", "<http://www.ietf.org/id/draft-hapner-hybi-messagebroker-subprotocol-01.txt>, page 9";
    MBLWS_HUAWEI_COM = "MBLWS.huawei.com", "the message broker subprotocol of the same Internet-Draft, in its MBLWS form", "<http://www.ietf.org/id/draft-hapner-hybi-messagebroker-subprotocol-01.txt>, page 9";
    SOAP = "soap", "SOAP messages, as Microsoft binds them to WebSocket", "<http://go.microsoft.com/fwlink/?LinkID=231897&clcid=0x409>";
    WAMP = "wamp", "the WebSocket Application Messaging Protocol", "<https://wamp-proto.org/spec.html>";
    V10_STOMP = "v10.stomp", "STOMP 1.0", "<https://stomp.github.io/stomp-specification-1.0.html>";
    V11_STOMP = "v11.stomp", "STOMP 1.1", "<https://stomp.github.io/stomp-specification-1.1.html>";
    V12_STOMP = "v12.stomp", "STOMP 1.2", "<https://stomp.github.io/stomp-specification-1.2.html>";
    OCPP1_2 = "ocpp1.2", "the Open Charge Point Protocol 1.2, for chargers of electric vehicles", "<http://www.gir.fr/ocppjs/ocpp_srpc_spec.shtml>";
    OCPP1_5 = "ocpp1.5", "the Open Charge Point Protocol 1.5", "<https://www.openchargealliance.org/downloads/>";
    OCPP1_6 = "ocpp1.6", "the Open Charge Point Protocol 1.6", "<https://www.openchargealliance.org/downloads/>";
    OCPP2_0 = "ocpp2.0", "the Open Charge Point Protocol 2.0", "<https://www.openchargealliance.org/downloads/>";
    OCPP2_0_1 = "ocpp2.0.1", "the Open Charge Point Protocol 2.0.1", "<https://www.openchargealliance.org/downloads/>";
    OCPP2_1 = "ocpp2.1", "the Open Charge Point Protocol 2.1", "<https://www.openchargealliance.org/downloads/>";
    RFB = "rfb", "the Remote Framebuffer protocol, which VNC speaks", "[RFC 6143](https://www.rfc-editor.org/rfc/rfc6143)";
    SIP = "sip", "the Session Initiation Protocol", "[RFC 7118](https://www.rfc-editor.org/rfc/rfc7118)";
    NOTIFICATIONCHANNEL_NETAPI_REST_OPENMOBILEALLIANCE_ORG = "notificationchannel-netapi-rest.openmobilealliance.org", "the notification channel of the Open Mobile Alliance's network API", "[OMA-TS-REST_NetAPI_NotificationChannel-V1_0](http://www.openmobilealliance.org)";
    WPCP = "wpcp", "the Web Process Control Protocol", "<http://wpcp.net/spec/>";
    AMQP = "amqp", "the Advanced Message Queuing Protocol, 1.0 and later", "<http://docs.oasis-open.org/amqp-bindmap/amqp-wsb/v1.0/csprd02/amqp-wsb-v1.0-csprd02.pdf>";
    MQTT = "mqtt", "MQTT", "[MQTT Version 5.0](http://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html)";
    JSFLOW = "jsflow", "the publishing and queueing protocol of jsFlow", "<http://www.jsflow.com/definition>";
    RWPCP = "rwpcp", "the Web Process Control Protocol with the roles reversed", "<http://wpcp.net/spec/>";
    XMPP = "xmpp", "the Extensible Messaging and Presence Protocol", "[RFC 7395](https://www.rfc-editor.org/rfc/rfc7395)";
    SHIP = "ship", "Smart Home IP, for home automation and energy", "none cited; registered by the EEBus Initiative";
    MIELECLOUDCONNECT = "mielecloudconnect", "the connection of Miele's appliances to its service", "none cited; registered by Nils Langhammer";
    V10_PCP_SAP_COM = "v10.pcp.sap.com", "SAP's Push Channel Protocol", "<https://scn.sap.com/community/abap/connectivity/blog/2015/07/27/specification-of-the-push-channel-protocol-pcp>";
    MSRP = "msrp", "the Message Session Relay Protocol", "[RFC 7977](https://www.rfc-editor.org/rfc/rfc7977), and [RFC 8873](https://www.rfc-editor.org/rfc/rfc8873) for data channels";
    V1_SALTYRTC_ORG = "v1.saltyrtc.org", "the signalling of SaltyRTC 1.0", "<https://github.com/saltyrtc/saltyrtc-meta/blob/master/Protocol.md>";
    TLCP_2_0_0_LIGHTSTREAMER_COM = "TLCP-2.0.0.lightstreamer.com", "the Text Lightstreamer Client Protocol 2.0.0", "<http://www.lightstreamer.com/tlcp-2.0.0>";
    BFCP = "bfcp", "the Binary Floor Control Protocol", "[RFC 8857](https://www.rfc-editor.org/rfc/rfc8857)";
    SLDP_SOFTVELUM_COM = "sldp.softvelum.com", "the Softvelum Low Delay Protocol, for live media", "none cited; registered by Yury Udovichenko";
    OPCUA_UACP = "opcua+uacp", "the OPC UA Connection Protocol", "<https://opcfoundation.org/developer-tools/specifications-unified-architecture/part-6-mappings/>";
    OPCUA_UAJSON = "opcua+uajson", "OPC UA messages in JSON", "<https://opcfoundation.org/developer-tools/specifications-unified-architecture/part-6-mappings/>";
    V1_SWINDON_LATTICE_JSON = "v1.swindon-lattice+json", "the protocol of the Swindon web server, in JSON", "<https://swindon-rs.github.io/swindon/swindon-lattice/>";
    V1_USP = "v1.usp", "the Broadband Forum's User Services Platform", "<https://usp.technology/specification/mtp/websocket>";
    MLES_WEBSOCKET = "mles-websocket", "the Mles publish-and-subscribe protocol", "<https://github.com/jq-rs/mles-rs/blob/master/README.md>";
    COAP = "coap", "the Constrained Application Protocol", "[RFC 8323](https://www.rfc-editor.org/rfc/rfc8323)";
    TLCP_2_1_0_LIGHTSTREAMER_COM = "TLCP-2.1.0.lightstreamer.com", "the Text Lightstreamer Client Protocol 2.1.0", "<http://www.lightstreamer.com/tlcp-2.1.0>";
    SQLNET_ORACLE_COM = "sqlnet.oracle.com", "Oracle's protocol between a database and its clients", "none cited; registered by Feroz Alam Khan";
    ONEM2M_R2_0_JSON = "oneM2M.R2.0.json", "oneM2M release 2 messages in JSON", "<http://ftp.onem2m.org/Work%20Programme/WI-0040/TS-0020-WebSocket_Protocol_Binding-V2_2_0.ZIP>";
    ONEM2M_R2_0_XML = "oneM2M.R2.0.xml", "oneM2M release 2 messages in XML", "<http://ftp.onem2m.org/Work%20Programme/WI-0040/TS-0020-WebSocket_Protocol_Binding-V2_2_0.ZIP>";
    ONEM2M_R2_0_CBOR = "oneM2M.R2.0.cbor", "oneM2M release 2 messages in CBOR", "<http://ftp.onem2m.org/Work%20Programme/WI-0040/TS-0020-WebSocket_Protocol_Binding-V2_2_0.ZIP>";
    TRANSIT = "transit", "Transit", "<https://github.com/Randy-Buchholz/Transit>";
    _2016_SERVERPUSH_DASH_MPEG_ORG = "2016.serverpush.dash.mpeg.org", "MPEG-DASH with server push, ISO/IEC 23009-6:2017", "<https://www.iso.org/standard/71072.html>";
    _2018_MMT_MPEG_ORG = "2018.mmt.mpeg.org", "MPEG media transport, ISO/IEC 23008-1", "<https://www.iso.org/standard/76386.html>";
    CLUE = "clue", "the control of telepresence sessions, in a WebRTC data channel", "[RFC 8850](https://www.rfc-editor.org/rfc/rfc8850)";
    WEBRTC_SOFTVELUM_COM = "webrtc.softvelum.com", "the WebRTC signalling of Softvelum's products", "none cited; registered by Yury Udovichenko";
    COBRA_V2_JSON = "cobra.v2.json", "the Cobra real-time messaging protocol", "<https://machinezone.github.io/cobra/api/>";
    DRP = "drp", "the Declarative Resource Protocol", "<https://github.com/adhdtech/DRP>";
    HUB_BSC_BACNET_ORG = "hub.bsc.bacnet.org", "a hub connection of BACnet Secure Connect", "[Addendum BJ to ANSI/ASHRAE Standard 135-2016](https://www.ashrae.org/File%20Library/Technical%20Resources/Standards%20and%20Guidelines/Standards%20Addenda/135_2016_bj_20191118.pdf)";
    DC_BSC_BACNET_ORG = "dc.bsc.bacnet.org", "a direct connection of BACnet Secure Connect", "[Addendum BJ to ANSI/ASHRAE Standard 135-2016](https://www.ashrae.org/File%20Library/Technical%20Resources/Standards%20and%20Guidelines/Standards%20Addenda/135_2016_bj_20191118.pdf)";
    JMAP = "jmap", "the JSON Meta Application Protocol, for mail and the like", "[RFC 8887](https://www.rfc-editor.org/rfc/rfc8887)";
    T140 = "t140", "ITU-T T.140 real-time text, in a WebRTC data channel", "[RFC 8865](https://www.rfc-editor.org/rfc/rfc8865)";
    DONE = "done", "the Internet-of-Things protocol of done.best", "none cited; registered by done.best";
    TLCP_2_2_0_LIGHTSTREAMER_COM = "TLCP-2.2.0.lightstreamer.com", "the Text Lightstreamer Client Protocol 2.2.0", "<https://www.lightstreamer.com/tlcp-2.2.0>";
    COLLECTION_UPDATE = "collection-update", "updates of a collection of items", "<https://github.com/jonlachlan/collection-update-websocket-protocol>";
    TLCP_2_3_0_LIGHTSTREAMER_COM = "TLCP-2.3.0.lightstreamer.com", "the Text Lightstreamer Client Protocol 2.3.0", "<https://lightstreamer.com/tlcp-2.3.0>";
    TEXT_IRCV3_NET = "text.ircv3.net", "IRC in text messages", "<https://ircv3.net/specs/extensions/websocket>";
    BINARY_IRCV3_NET = "binary.ircv3.net", "IRC in binary messages", "<https://ircv3.net/specs/extensions/websocket>";
    V3_PENGUIN_STATS_LIVE_PROTO = "v3.penguin-stats.live+proto", "the live protocol of Penguin Statistics, version 3, in Protobuf", "<https://github.com/penguin-statistics/backend-next/blob/main/internal/models/protos/messages.proto>";
    TLCP_2_4_0_LIGHTSTREAMER_COM = "TLCP-2.4.0.lightstreamer.com", "the Text Lightstreamer Client Protocol 2.4.0", "<https://www.lightstreamer.com/tlcp-2.4.0>";
    TLCP_2_5_0_LIGHTSTREAMER_COM = "TLCP-2.5.0.lightstreamer.com", "the Text Lightstreamer Client Protocol 2.5.0", "<https://www.lightstreamer.com/tlcp-2.5.0>";
    REDFISH = "Redfish", "DMTF's Redfish, for the management of servers", "[DSP0266](https://www.dmtf.org/dsp/DSP0266)";
    BIDIB = "bidib", "webBiDiB, for the control of model railways", "<https://bidib.org/transport/bidib_net_e.html>";
    JSON_WEBPUBSUB_AZURE_V1 = "json.webpubsub.azure.v1", "Azure Web PubSub in JSON", "<https://learn.microsoft.com/azure/azure-web-pubsub/reference-json-webpubsub-subprotocol>";
    PROTOBUF_WEBPUBSUB_AZURE_V1 = "protobuf.webpubsub.azure.v1", "Azure Web PubSub in Protobuf", "<https://learn.microsoft.com/azure/azure-web-pubsub/reference-protobuf-webpubsub-subprotocol>";
    JSON_RELIABLE_WEBPUBSUB_AZURE_V1 = "json.reliable.webpubsub.azure.v1", "the reliable form of Azure Web PubSub in JSON", "<https://learn.microsoft.com/en-us/azure/azure-web-pubsub/reference-json-reliable-webpubsub-subprotocol>";
    PROTOBUF_RELIABLE_WEBPUBSUB_AZURE_V1 = "protobuf.reliable.webpubsub.azure.v1", "the reliable form of Azure Web PubSub in Protobuf", "<https://learn.microsoft.com/azure/azure-web-pubsub/reference-protobuf-reliable-webpubsub-subprotocol>";
    WEBREPL_BINARY_V1 = "WebREPL.binary.v1", "the binary protocol of WebREPL", "<https://jetpax.github.io/webrepl/webrepl_binary_protocol_rfc.md>";
    CAMP = "camp", "the Cryo Application Messaging Protocol", "<https://github.com/Ranchonyx/CAMP-Protocol/releases/tag/v1.0.0>";
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{ALL, NAMES};

    #[test]
    fn no_name_is_empty() {
        assert!(NAMES.iter().all(|name| !name.is_empty()));
    }

    /// RFC 7936 rejects a registration that differs from another one only by case.
    #[test]
    fn names_are_unique_even_without_case() {
        let unique: HashSet<_> = NAMES.iter().map(|name| name.to_ascii_lowercase()).collect();
        assert_eq!(unique.len(), NAMES.len());
        assert_eq!(ALL.len(), NAMES.len());
    }
}
