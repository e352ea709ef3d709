//! The check of the demo page: it types, clicks, chooses and drops files like a user, and then runs the conformance
//! scripts in the page.

use std::{
    fs,
    path::Path,
    process,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

use crate::{
    browser::{Browser, Engine},
    project::Project,
    serve::Site,
    webdriver::Session,
};

/// The expected log. An asterisk stands for a part that depends on the engine: an exception's wording, the negotiated
/// extensions.
const EXPECTED_LOG: [&str; 11] = [
    "exception SyntaxError: *",
    "exception SyntaxError: *",
    "open protocol=\"chat\" extensions=*",
    "sent text 5 bytes",
    "message text \"hello\"",
    "sent blob 5 bytes",
    "message blob 5 bytes 68656c6c6f",
    "sent blob 4 bytes",
    "message binary 4 bytes 000102ff",
    "exception InvalidAccessError: *",
    "close code=3000 reason=\"done\" clean=true",
];

/// The states that the page must have shown, in this order.
const STATES: [&str; 4] = ["CONNECTING", "OPEN", "CLOSING", "CLOSED"];

const LOG: &str = "return [...document.querySelectorAll('#log > li[data-event]')].map((entry) => entry.dataset.event)";

/// Presses the Enter that ends a composition in Safari. WebKitGTK may ignore the key code in the constructor.
const END_COMPOSITION: &str = "
    const press = new KeyboardEvent('keydown', { key: 'Enter', keyCode: 229, bubbles: true, cancelable: true });
    Object.defineProperty(press, 'keyCode', { value: 229 });
    document.getElementById('text').dispatchEvent(press);";

/// The time limit for all scripts with both subjects.
const SCRIPTS_LIMIT: Duration = Duration::from_mins(4);

/// The totals below the scripts, null while they run, and the rows in which samesocket differs, in the page or on
/// native targets.
const TOTALS: &str = "
    const sum = (subject) => {
        const { scripts, different } = document.getElementById(`conformance-${subject}`).dataset;
        return scripts === undefined ? null : { scripts, different };
    };
    const rows = [...document.querySelectorAll('#scripts > tr:has([data-subject=samesocket] .different, [data-subject=native] .different) .claim')];
    return {
        samesocket: sum('samesocket'),
        native: sum('native'),
        platform: sum('platform'),
        max: document.getElementById('scripts-bar').getAttribute('max'),
        told: document.getElementById('scripts-progress').textContent + ' ' + document.getElementById('scripts-outcome').textContent,
        rows: rows.map((claim) => claim.textContent),
    };";

/// The size of the page in a screenshot.
const SCREENSHOT_SIZE: [u32; 2] = [1200, 900];

/// The number of animations that have not ended, without endless ones.
const ANIMATIONS: &str = "
    const ends = (animation) => Number.isFinite(animation.effect?.getComputedTiming().endTime);
    return document.getAnimations().filter((animation) => animation.playState !== 'finished' && ends(animation)).length";

/// The page records its own states, because a state may be gone before a driver asks for it.
const WATCH_STATES: &str = "
    window.statesSeen = [];
    const state = document.getElementById('state');
    new MutationObserver(() => {
        const now = state.textContent.trim();
        if (window.statesSeen.at(-1) !== now) window.statesSeen.push(now);
    }).observe(state, { childList: true, characterData: true, subtree: true });";

const DROP: &str = "
    const dropped = new DataTransfer();
    dropped.items.add(new File([new Uint8Array([0, 1, 2, 255])], 'dropped.bin'));
    const area = document.getElementById('drop');
    for (const name of ['dragenter', 'dragover', 'drop']) {
        area.dispatchEvent(new DragEvent(name, { dataTransfer: dropped, bubbles: true, cancelable: true }));
    }";

/// Opens the page and checks it.
pub(super) async fn run(browser: &Browser, project: &Project, site: &Site, screenshot: Option<&Path>) -> Result<()> {
    let session = Session::start(browser).await?;
    let outcome = check_page(&session, project, site, browser.engine, screenshot).await;
    let outcome = match outcome {
        // The page's own log and notice are the first thing to look at.
        Err(error) => {
            let log = session.execute(LOG, Vec::new()).await.unwrap_or_default();
            let notice = session
                .execute("return document.querySelector('[role=alert]:not([hidden])')?.textContent ?? ''", Vec::new())
                .await;
            Err(error.context(format!("the page's log: {log:#}\nits notice: {}", notice.unwrap_or_default())))
        }
        ok => ok,
    };
    session.close().await;
    outcome
}

async fn check_page(
    session: &Session,
    project: &Project,
    site: &Site,
    engine: Engine,
    screenshot: Option<&Path>,
) -> Result<()> {
    if screenshot.is_some() {
        resize_page(session).await?;
    }
    check_socket("class", session, project, site).await.context("the class for JavaScript")?;
    check_socket("crate", session, project, site).await?;
    if let Some(path) = screenshot {
        save_screenshot(session, path).await?;
    }
    check_scripts(session).await?;
    check_leaving(session, site, engine).await
}

/// Checks the page with a socket of the crate or of the npm package's class. Both must give the same log.
async fn check_socket(made_by: &str, session: &Session, project: &Project, site: &Site) -> Result<()> {
    session.client.goto(&site.page("")).await?;
    let filled = session
        .wait_for("the echo server's address", "return document.getElementById('url')?.value ?? ''", |value| {
            value != ""
        })
        .await?;
    let echo = filled.as_str().context("the address is not a text")?;
    session.execute(WATCH_STATES, Vec::new()).await?;
    select(session, "made-by", made_by).await?;

    check_refused_connections(session, echo).await?;
    session.fill("subprotocols", "chat").await?;
    session.click("connect").await?;
    wait_for_state(session, "OPEN").await?;
    for field in ["url", "subprotocols"] {
        expect_error(session, field, false).await?;
    }

    session.fill("text", "hello").await?;
    // It sends nothing, which would be an entry more in the log.
    session.execute(END_COMPOSITION, Vec::new()).await?;
    session.click("send-text").await?;
    wait_for_entry(session, "message text \"hello\"").await?;
    send_files(session, project).await?;

    session.fill("close-code", "1001").await?;
    session.click("close").await?;
    expect_error(session, "close-code", true).await?;
    expect_state(session, "OPEN").await?;
    session.fill("close-code", "3000").await?;
    session.fill("close-reason", "done").await?;
    session.click("close").await?;
    wait_for_state(session, "CLOSED").await?;
    wait_for_entry(session, EXPECTED_LOG[EXPECTED_LOG.len() - 1]).await?;
    let states = session.execute("return window.statesSeen", Vec::new()).await?;
    ensure!(states == json!(STATES), "the page should have shown {STATES:?}, it showed {states}");
    compare(&session.execute(LOG, Vec::new()).await?)
}

/// Runs the scripts in the page, which also shows the native results. samesocket must differ nowhere, and the platform
/// must have run every script.
async fn check_scripts(session: &Session) -> Result<()> {
    session.click("run-scripts").await?;
    let totals = session
        .wait_at_most(SCRIPTS_LIMIT, "the totals of the scripts", TOTALS, |totals| {
            totals["samesocket"] != Value::Null && totals["platform"] != Value::Null
        })
        .await?;
    for subject in ["samesocket", "native"] {
        let different = &totals[subject]["different"];
        ensure!(
            different == "0",
            "{subject} should differ nowhere, it differs {different} times: {:#}",
            totals["rows"]
        );
    }
    ensure!(totals["max"] != "0", "there should be scripts: {totals}");
    for subject in ["samesocket", "native", "platform"] {
        ensure!(totals[subject]["scripts"] == totals["max"], "{subject} should have run all scripts: {totals}");
    }
    Ok(())
}

/// Checks that leaving the page with an open socket closes it with 1001: checklist 91.
async fn check_leaving(session: &Session, site: &Site, engine: Engine) -> Result<()> {
    // Another engine may do the same at this time.
    let id = format!("left-page-{}", engine.name());
    session.fill("url", &format!("/ws?id={id}")).await?;
    session.click("connect").await?;
    wait_for_state(session, "OPEN").await?;
    session.client.goto("about:blank").await?;
    let code = site.close_code(&id, Duration::from_secs(15)).await?;
    ensure!(code == Some(1001), "a page that goes away should close with 1001, it closed with {code:?}");
    Ok(())
}

/// Resizes the window so that the page itself has the size of a screenshot.
async fn resize_page(session: &Session) -> Result<()> {
    let frame = session.execute("return [outerWidth - innerWidth, outerHeight - innerHeight]", Vec::new()).await?;
    let frame: [u32; 2] = serde_json::from_value(frame).unwrap_or_default();
    session.client.set_window_size(SCREENSHOT_SIZE[0] + frame[0], SCREENSHOT_SIZE[1] + frame[1]).await?;
    Ok(())
}

/// Saves a screenshot of the page after its animations.
async fn save_screenshot(session: &Session, path: &Path) -> Result<()> {
    session.wait_for("the end of the animations", ANIMATIONS, |count| count == 0).await?;
    session.execute("scrollTo(0, 0)", Vec::new()).await?;
    fs::write(path, session.client.screenshot().await?).with_context(|| format!("cannot write {}", path.display()))
}

/// Checks that invalid values are reported beside their fields and create no socket.
async fn check_refused_connections(session: &Session, echo: &str) -> Result<()> {
    session.fill("url", "ftp://x/subprotocol").await?;
    session.click("connect").await?;
    expect_error(session, "url", true).await?;
    session.fill("url", echo).await?;
    session.fill("subprotocols", "a/b").await?;
    session.click("connect").await?;
    expect_error(session, "subprotocols", true).await?;
    expect_error(session, "url", false).await?;
    expect_state(session, "none").await
}

/// Sends a chosen file, which comes back as a Blob, and a dropped one, which comes back as bytes.
async fn send_files(session: &Session, project: &Project) -> Result<()> {
    // Each check needs a folder of its own: a page cannot read a chosen file after it is rewritten.
    static CHECKS: AtomicUsize = AtomicUsize::new(0);
    let number = CHECKS.fetch_add(1, Ordering::Relaxed);
    let folder = project.cache.empty_folder(&format!("check-{}-{number}", process::id()))?;
    let path = folder.join("hello.txt");
    fs::write(&path, "hello")?;
    select(session, "binary-type", "blob").await?;
    session.element("file").await?.send_keys(&path.to_string_lossy()).await.context("cannot choose a file")?;
    session.click("send-file").await?;
    wait_for_entry(session, "message blob 5 bytes 68656c6c6f").await?;

    select(session, "binary-type", "arraybuffer").await?;
    session.execute(DROP, Vec::new()).await?;
    session.click("send-file").await?;
    wait_for_entry(session, "message binary 4 bytes 000102ff").await?;
    fs::remove_dir_all(folder)?;
    Ok(())
}

async fn select(session: &Session, field: &str, value: &str) -> Result<()> {
    session.element(field).await?.select_by_value(value).await.with_context(|| format!("cannot select {value}"))?;
    let selected = session.element(field).await?.prop("value").await?;
    ensure!(selected.as_deref() == Some(value), "#{field} should be {value}, it is {selected:?}");
    Ok(())
}

async fn expect_error(session: &Session, field: &str, wanted: bool) -> Result<()> {
    let body = format!("return document.getElementById('{field}-error').textContent.trim()");
    let what = if wanted { format!("a text in #{field}-error") } else { format!("no text in #{field}-error") };
    session.wait_for(&what, &body, |text| (text != "") == wanted).await?;
    Ok(())
}

async fn expect_state(session: &Session, wanted: &str) -> Result<()> {
    let state = session.text("state").await?;
    ensure!(state == wanted, "the state should be {wanted}, it is {state}");
    Ok(())
}

async fn wait_for_state(session: &Session, wanted: &str) -> Result<()> {
    let body = "return document.getElementById('state').textContent.trim()";
    session.wait_for(&format!("the state {wanted}"), body, |state| state == wanted).await?;
    Ok(())
}

async fn wait_for_entry(session: &Session, wanted: &str) -> Result<()> {
    let is_installed = |log: &Value| log.as_array().is_some_and(|log| log.iter().any(|entry| entry == wanted));
    session.wait_for(&format!("the entry `{wanted}`"), LOG, is_installed).await?;
    Ok(())
}

fn compare(log: &Value) -> Result<()> {
    let seen: Vec<&str> = log.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let fits = |(seen, wanted): (&&str, &&str)| match wanted.strip_suffix('*') {
        Some(start) => seen.starts_with(start),
        None => seen == wanted,
    };
    if seen.len() == EXPECTED_LOG.len() && seen.iter().zip(&EXPECTED_LOG).all(fits) {
        return Ok(());
    }
    bail!("the log should be\n  {}\nit is\n  {}", EXPECTED_LOG.join("\n  "), seen.join("\n  "))
}
