//! Two people in a chat, with `examples/chat_server.py`: the server that the pages of the frameworks tell readers to copy.

use std::{
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use tokio::runtime::Handle;

use super::page::Page;
use crate::{browser::Engine, cargo::clean, process::Group, project::Project, setup, webdriver::Session};

/// The time limit for the server to start, and to stop. Arbitrary.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running chat server. Dropping it stops it.
pub(crate) struct ChatServer {
    port: u16,
    group: Group,
}

impl ChatServer {
    /// Starts the server at the given port, or at any free one. It serves the folder `dist` of this folder.
    pub(crate) fn start(project: &Project, folder: &Path, port: Option<u16>) -> Result<Self> {
        let port = port.map_or_else(free_port, Ok)?;
        let mut command = clean(setup::chat_server_python(project));
        command.arg(project.root().join("examples/chat_server.py")).arg(port.to_string());
        command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null());
        let mut group = Group::spawn(&mut command).context("cannot start the chat server")?;
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            if let Some(status) = group.ended()? {
                bail!("the chat server did not start: {status}");
            }
            ensure!(Instant::now() < deadline, "the chat server does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(Self { port, group })
    }

    /// Returns the address of the page.
    pub(crate) fn address(&self) -> String {
        format!("http://localhost:{}/", self.port)
    }

    /// Stops the server as Ctrl-C does.
    fn stop(mut self) -> Result<()> {
        ensure!(self.group.ask_to_end(PATIENCE)?, "the chat server did not stop within {} s", PATIENCE.as_secs());
        Ok(())
    }
}

/// Opens the chat in two browsers, and lets each say something. The server restarts meanwhile.
pub(crate) fn talk(project: &Project, folder: &Path, port: Option<u16>, runtime: &Handle) -> Result<()> {
    let server = ChatServer::start(project, folder, port)?;
    runtime.block_on(async {
        let browser = setup::browser(Engine::Chromium, project)?;
        let (first, second) = (Session::start(&browser).await?, Session::start(&browser).await?);
        let pages = [Page { session: &first }, Page { session: &second }];
        let outcome = talk_in(project, folder, &pages, server).await;
        first.close().await;
        second.close().await;
        outcome
    })
}

async fn talk_in(project: &Project, folder: &Path, pages: &[Page<'_>; 2], server: ChatServer) -> Result<()> {
    let [first, second] = pages;
    let port = server.port;
    for page in pages {
        page.session.client.goto(&server.address()).await?;
        page.wait_for_status("lobby", "open", |status| status == "open").await?;
    }
    first.say("lobby", "is anybody there?").await?;
    let mut said = vec!["is anybody there?".to_owned()];
    second.wait_for_list("lobby", &said).await?;

    server.stop()?;
    second.wait_for_status("lobby", "another status than open", |status| status != "open").await?;
    second.say("lobby", "yes").await?;
    let server = ChatServer::start(project, folder, Some(port))?;
    first.wait_for_status("lobby", "open", |status| status == "open").await?;
    second.wait_for_status("lobby", "open", |status| status == "open").await?;
    second.say("lobby", "and you?").await?;
    said.extend(["yes", "and you?"].map(str::to_owned));
    // `yes` is for those who are back, so the first page may have missed it.
    second.wait_for_list("lobby", &said).await?;
    first.say("lobby", "me too").await?;
    said.push("me too".to_owned());
    second.wait_for_list("lobby", &said).await?;
    first.wait_for_list("games", &[]).await?;
    server.stop()
}

/// Returns a port that is free now.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
