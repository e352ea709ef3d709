//! Drives a chat in a browser as a person would: types, clicks, loses the server, leaves and joins.
//!
//! All chats have the elements of [`page`](super::page), so that one driver is enough.

use std::{
    io,
    net::Ipv4Addr,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use samesocket_fault_server::Server;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    time::{sleep, timeout},
};

use super::page::{Page, first_difference};
use crate::{browser::Browser, webdriver::Session};

/// The time limit for the server to see what the page does.
const PATIENCE: Duration = Duration::from_secs(15);

/// The number of messages of a burst.
const BURST: usize = 200;

/// The number of attempts that the server refuses before it is back.
const REFUSALS: usize = 4;

/// The number of times that a room is left or joined without a pause: an even one, so that it is joined in the end.
const QUICK_CLICKS: usize = 10;

/// Sends numbered messages by the form of a room, without a pause between them.
const SEND_BURST: &str = "
    const [room, start, count] = arguments;
    const input = document.querySelector(`#${room} input`);
    const setValue = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set;
    for (let number = start; number < start + count; number++) {
        setValue.call(input, `burst ${number}`);
        input.dispatchEvent(new Event('input', { bubbles: true }));
        document.querySelector(`#${room} form`).requestSubmit();
    }";

/// A chat in a browser, and its server.
struct Chat<'a> {
    page: Page<'a>,
    folder: &'a Path,
    port: u16,
}

/// Serves the folder, opens its page, and uses it.
pub(super) async fn drive(browser: &Browser, folder: &Path) -> Result<()> {
    let session = Session::start(browser).await?;
    let outcome = use_chat(&session, folder).await;
    let outcome = match outcome {
        Err(error) => {
            let page = session.execute("return document.body.innerText", Vec::new()).await.unwrap_or_default();
            Err(error.context(format!("the page shows: {}", page.as_str().unwrap_or_default())))
        }
        ok => ok,
    };
    session.close().await;
    outcome
}

async fn use_chat(session: &Session, folder: &Path) -> Result<()> {
    let server = Server::builder().static_dir(folder).start().await?;
    let chat = Chat { page: Page { session }, folder, port: server.addresses().plain.port() };
    session.client.goto(&format!("http://{}/", server.addresses().plain)).await?;
    for room in ["lobby", "games"] {
        chat.page.wait_for_status(room, "open", |status| status == "open").await?;
    }
    wait_for_sockets(&server, "", 2).await?;
    chat.page.say("lobby", "hello").await?;
    chat.page.wait_for_list("lobby", &["hello".to_owned()]).await?;
    chat.page.wait_for_list("games", &[]).await?;

    let server = chat.lose_server(server).await?;
    chat.send_bursts(&server).await?;
    chat.leave_and_join(&server).await
}

impl Chat<'_> {
    /// Loses the server, writes meanwhile, and gets it back. Returns the new server.
    async fn lose_server(&self, server: Server) -> Result<Server> {
        drop(server);
        for room in ["lobby", "games"] {
            self.page.wait_for_status(room, "another status than open", |status| status != "open").await?;
        }
        self.page.say("lobby", "are you there?").await?;
        self.refuse_connections().await?;
        self.page.say("lobby", "I keep this for you").await?;
        self.page.wait_for_list("lobby", &["hello".to_owned()]).await?;

        let builder = Server::builder().static_dir(self.folder).plain_port(self.port);
        let server = again(|| builder.clone().start()).await?;
        self.page.click("#games .reconnect").await?;
        self.page.wait_for_status("games", "open", |status| status == "open").await?;
        let all = ["hello", "are you there?", "I keep this for you"].map(str::to_owned);
        self.page.wait_for_list("lobby", &all).await?;
        self.page.wait_for_list("games", &[]).await?;
        wait_for_sockets(&server, "", 2).await?;
        Ok(server)
    }

    /// Refuses some connections with a status, and counts them.
    async fn refuse_connections(&self) -> Result<()> {
        let listener = again(|| TcpListener::bind((Ipv4Addr::LOCALHOST, self.port))).await?;
        let refusing = async {
            for _ in 0..REFUSALS {
                let (mut stream, _) = listener.accept().await?;
                let _ = stream.read(&mut [0; 4096]).await?;
                stream.write_all(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await?;
            }
            anyhow::Ok(())
        };
        timeout(PATIENCE, refusing).await.context("the page should have tried again")?
    }

    /// Sends more at once than a page can show between two frames.
    async fn send_bursts(&self, server: &Server) -> Result<()> {
        let mut expected = self.page.list("games").await?;
        self.page.session.execute(SEND_BURST, vec![json!("games"), json!(1), json!(BURST)]).await?;
        expected.extend((1..=BURST).map(|number| format!("burst {number}")));
        self.page.wait_for_list("games", &expected).await?;
        let record = server.store().record("games").context("there is a connection")?;
        let sent: Vec<String> = record.messages.into_iter().filter_map(|message| message.text).collect();
        match first_difference(&sent, &expected) {
            Some(difference) => bail!("the server did not receive the burst as it was sent: {difference}"),
            None => Ok(()),
        }
    }

    /// Asks in a room that was just joined, and waits for the answer and for the sockets of earlier visits to be gone.
    async fn ask_in_empty_room(&self, server: &Server) -> Result<()> {
        self.page.wait_for_status("games", "open", |status| status == "open").await?;
        self.page.say("games", "who is here?").await?;
        self.page.wait_for_list("games", &["who is here?".to_owned()]).await?;
        wait_for_sockets(server, "games", 1).await
    }

    /// Leaves a room and joins it again, at first slowly, and then leaves all.
    async fn leave_and_join(&self, server: &Server) -> Result<()> {
        let before = requests(server, "games");
        self.page.click("#toggle-games").await?;
        wait_for_sockets(server, "games", 0).await?;
        self.page.click("#toggle-games").await?;
        self.ask_in_empty_room(server).await?;
        let seen = requests(server, "games") - before;
        ensure!(seen == 1, "joining a room should open one socket, it opened {seen}");
        for _ in 0..QUICK_CLICKS {
            self.page.click("#toggle-games").await?;
        }
        self.ask_in_empty_room(server).await?;
        // A socket that is left at once may never reach the server.
        let (seen, most) = (requests(server, "games") - before, 1 + QUICK_CLICKS / 2);
        ensure!(seen <= most, "joining a room {most} times opened {seen} sockets");
        wait_for_sockets(server, "lobby", 1).await?;

        for room in ["games", "lobby"] {
            self.page.click(&format!("#toggle-{room}")).await?;
        }
        wait_for_sockets(server, "", 0).await
    }
}

/// Listens at a port that a server has just left. A connection of another program may have it for a moment.
async fn again<T, F: Future<Output = io::Result<T>>>(listen: impl Fn() -> F) -> Result<T> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match listen().await {
            Ok(listening) => return Ok(listening),
            Err(error) if Instant::now() > deadline => return Err(error).context("the port does not become free"),
            Err(_) => sleep(Duration::from_millis(20)).await,
        }
    }
}

/// Returns the number of requests for a socket with this id that the server has seen.
fn requests(server: &Server, id: &str) -> usize {
    let mut count = 0;
    while server.store().nth_record(id, count + 1).is_some() {
        count += 1;
    }
    count
}

/// Waits until the server has this number of open sockets whose id starts with a prefix.
async fn wait_for_sockets(server: &Server, prefix: &str, count: usize) -> Result<()> {
    let waited = timeout(PATIENCE, server.store().wait_live(prefix, count)).await;
    waited.with_context(|| {
        let live = server.store().live(prefix);
        format!("the server should have {count} sockets with the prefix `{prefix}`, it has {live}")
    })
}
