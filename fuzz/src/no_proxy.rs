//! Properties of `NO_PROXY`.

use std::net::IpAddr;

use samesocket::fuzzing::exempts;

/// Checks that a list is the union of its entries, and that it covers what it names.
///
/// The input is text: a list, a host and a port, one a line.
///
/// # Panics
/// Panics if a property does not hold.
pub fn no_proxy(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lines = text.splitn(3, '\n');
    let (list, host) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let port = lines.next().and_then(|port| port.parse().ok()).unwrap_or(80);
    let covers = |list: &str| exempts(list, host, port);

    let is_covered = covers(list);
    let entries: Vec<&str> = list.split(|separator: char| separator == ',' || separator.is_whitespace()).collect();
    assert_eq!(is_covered, entries.iter().any(|entry| covers(entry)), "the list is more than its entries");
    let reversed: Vec<&str> = entries.iter().rev().copied().collect();
    assert_eq!(is_covered, covers(&reversed.join(" ,\t, ")), "the order matters");
    assert_eq!(is_covered, covers(&list.to_ascii_lowercase()), "the case of the list matters");
    assert_eq!(is_covered, exempts(list, &host.to_ascii_uppercase(), port), "the case of the host matters");
    assert!(covers(&format!("{list},*")) && covers("*"), "an asterisk covers all hosts");
    assert!(!covers("") && !covers(" , "), "no entry covers no host");

    let in_list = match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(_)) => host.to_owned(),
        Ok(IpAddr::V6(_)) => format!("[{host}]"),
        Err(_) if is_name(host) => {
            assert!(exempts(host, &format!("sub.{host}"), port), "a name does not cover its subdomain");
            assert!(!exempts(&format!("sub.{host}"), host, port), "a subdomain covers its domain");
            host.to_owned()
        }
        Err(_) => return,
    };
    assert!(covers(host) && covers(&in_list), "a host is not covered by itself");
    assert!(covers(&format!("{list} {in_list}:{port}")), "a host is not covered with its port");
    assert!(!covers(&format!("{in_list}:{}", port ^ 1)), "a host is covered with another port");
}

/// Returns whether this is a name as it occurs in URLs, where a host whose last label is a number is an address.
fn is_name(host: &str) -> bool {
    let mut labels = host.strip_suffix('.').unwrap_or(host).split('.');
    if labels.clone().next_back().is_none_or(|last| last.starts_with(|letter: char| letter.is_ascii_digit())) {
        return false;
    }
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    labels.all(is_label)
}
