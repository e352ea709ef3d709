//! The page of a chat in a browser. All chats have the same elements.
//!
//! A room is `#lobby` or `#games`, with a `.status`, a `.reconnect` button, a list and a form. The buttons `#toggle-lobby`
//! and `#toggle-games` mount and unmount a room.

use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use fantoccini::Locator;
use serde_json::{Value, json};

use crate::webdriver::Session;

/// The time limit for an element to be there.
const PATIENCE: Duration = Duration::from_secs(15);

/// A chat that is open in a browser.
pub(super) struct Page<'a> {
    pub(super) session: &'a Session,
}

impl Page<'_> {
    /// Types a message into a room's form, and sends it.
    pub(super) async fn say(&self, room: &str, text: &str) -> Result<()> {
        let field = self.session.client.wait().at_most(PATIENCE);
        let field = field.for_element(Locator::Css(&format!("#{room} input"))).await?;
        field.send_keys(text).await.with_context(|| format!("cannot type into {room}"))?;
        self.click(&format!("#{room} form button")).await
    }

    pub(super) async fn click(&self, selector: &str) -> Result<()> {
        let element = self.session.client.wait().at_most(PATIENCE).for_element(Locator::Css(selector)).await;
        let element = element.with_context(|| format!("the page has no `{selector}`"))?;
        element.click().await.with_context(|| format!("cannot click on `{selector}`"))
    }

    pub(super) async fn wait_for_status(&self, room: &str, wanted: &str, is_it: impl Fn(&str) -> bool) -> Result<()> {
        let body = format!("return document.querySelector('#{room} .status')?.textContent ?? ''");
        let what = format!("the status of {room}: {wanted}");
        self.session.wait_for(&what, &body, |status| status.as_str().is_some_and(&is_it)).await?;
        Ok(())
    }

    pub(super) async fn list(&self, room: &str) -> Result<Vec<String>> {
        Ok(serde_json::from_value(self.session.execute(&list_of(room), Vec::new()).await?)?)
    }

    pub(super) async fn wait_for_list(&self, room: &str, wanted: &[String]) -> Result<()> {
        let what = format!("the {} messages of {room}", wanted.len());
        let expected = json!(wanted);
        let outcome = self.session.wait_for(&what, &list_of(room), |list: &Value| *list == expected).await;
        let Err(error) = outcome else { return Ok(()) };
        Err(match first_difference(&self.list(room).await?, wanted) {
            // The lists of a burst are too long to be compared by a reader.
            Some(difference) => anyhow!("waited for {what} in vain: {difference}"),
            None => error,
        })
    }
}

/// Returns where two lists of messages differ first, for a reader.
pub(super) fn first_difference(seen: &[String], wanted: &[String]) -> Option<String> {
    let at = (0..seen.len().max(wanted.len())).find(|at| seen.get(*at) != wanted.get(*at))?;
    let name = |list: &[String]| list.get(at).map_or_else(|| "nothing".to_owned(), |text| format!("`{text}`"));
    let place = format!("message {} should be {}, it is {}", at + 1, name(wanted), name(seen));
    Some(format!("{place}; there are {} of {}", seen.len(), wanted.len()))
}

fn list_of(room: &str) -> String {
    format!("return [...document.querySelectorAll('#{room} li')].map((item) => item.textContent)")
}

#[cfg(test)]
mod tests {
    use super::first_difference;

    #[test]
    fn lists_of_messages_are_compared_up_to_the_first_difference() {
        let list = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let wanted = list(&["a", "b", "c"]);
        assert_eq!(first_difference(&wanted, &wanted), None);
        let less = first_difference(&list(&["a", "c"]), &wanted);
        assert_eq!(less.as_deref(), Some("message 2 should be `b`, it is `c`; there are 2 of 3"));
        let more = first_difference(&list(&["a", "b", "c", "c"]), &wanted);
        assert_eq!(more.as_deref(), Some("message 4 should be nothing, it is `c`; there are 4 of 3"));
    }
}
