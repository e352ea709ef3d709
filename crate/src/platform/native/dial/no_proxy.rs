//! The list of hosts that are reached without a proxy: the syntax of `NO_PROXY`.
//!
//! No standard defines it. The forms are those of curl and of Go's `httpproxy`; the table of the tests says where the
//! two differ.

use std::borrow::Cow;
use std::net::IpAddr;

use url::Host;

/// Returns whether an entry of `list` covers the server at `host` and `port`. An IPv6 address has no brackets.
///
/// Commas, blanks, or both separate the entries. An entry that has none of the known forms covers nothing.
pub(super) fn exempts(list: &str, host: &str, port: u16) -> bool {
    let host = without_root_dot(host);
    let address = host.parse::<IpAddr>().ok().map(|address| address.to_canonical());
    list.split(|separator: char| separator == ',' || separator.is_whitespace()).filter_map(Entry::parse).any(|entry| {
        entry.port.is_none_or(|own| own == port)
            && match (entry.hosts, address) {
                (Hosts::All, _) => true,
                (Hosts::Range { start, bits }, Some(address)) => is_within(address, start, bits),
                (Hosts::Name { name, itself }, None) => is_name_or_below(host, &name, itself),
                (Hosts::Range { .. }, None) | (Hosts::Name { .. }, Some(_)) => false,
            }
    })
}

/// An entry of the list.
struct Entry<'a> {
    hosts: Hosts<'a>,
    /// The only port that the entry covers. `None` is any port.
    port: Option<u16>,
}

/// The hosts that an entry covers.
enum Hosts<'a> {
    /// Every host: `*`.
    All,
    /// The addresses that begin with the first `bits` bits of `start`.
    Range { start: IpAddr, bits: u32 },
    /// The subdomains of `name`, and the name `itself` unless the entry begins with `*.`.
    Name { name: Cow<'a, str>, itself: bool },
}

impl<'a> Entry<'a> {
    /// Parses an entry. Returns `None` if it has none of the known forms.
    fn parse(entry: &'a str) -> Option<Self> {
        let any_port = |hosts| Self { hosts, port: None };
        if entry == "*" {
            return Some(any_port(Hosts::All));
        }
        if let Some((start, bits)) = entry.split_once('/') {
            return parse_range(start, bits).map(any_port);
        }
        // An IPv6 address without brackets has colons, but no port.
        if let Ok(address) = entry.parse() {
            return Some(any_port(single(address)));
        }
        let (host, port) = split_port(entry)?;
        Some(Self { hosts: parse_host(host)?, port })
    }
}

/// Splits a port from the end of an entry. Returns `None` if it is invalid. An empty port is any port.
fn split_port(entry: &str) -> Option<(&str, Option<u16>)> {
    let is_port = |(_, port): &(&str, &str)| !port.ends_with(']');
    match entry.rsplit_once(':').filter(is_port) {
        None => Some((entry, None)),
        Some((host, "")) => Some((host, None)),
        Some((host, port)) => Some((host, Some(parse_number(port)?))),
    }
}

/// Parses a name, an IPv4 address, or an IPv6 address in brackets.
fn parse_host(host: &str) -> Option<Hosts<'_>> {
    if let Some(address) = without_brackets(host) {
        return address.parse().ok().map(|address| single(IpAddr::V6(address)));
    }
    let host = without_root_dot(host);
    if let Ok(address) = host.parse() {
        return Some(single(IpAddr::V4(address)));
    }
    let (name, itself) = match host.strip_prefix("*.") {
        Some(name) => (name, false),
        None => (host.strip_prefix('.').unwrap_or(host), true),
    };
    let name = if name.is_ascii() {
        Cow::Borrowed(name)
    } else {
        // The host of a URL is in ASCII.
        let Host::Domain(name) = Host::parse(name).ok()? else { return None };
        Cow::Owned(name)
    };
    (!name.is_empty()).then_some(Hosts::Name { name, itself })
}

/// Parses a range of addresses, such as `10.0.0.0/8`.
fn parse_range(start: &str, bits: &str) -> Option<Hosts<'static>> {
    let start: IpAddr = without_brackets(start).unwrap_or(start).parse().ok()?;
    let bits: u32 = parse_number(bits)?;
    match (start, start.to_canonical()) {
        // IPv4-mapped addresses have 96 bits before those of the IPv4 address.
        (IpAddr::V6(_), canonical @ IpAddr::V4(_)) if (96..=128).contains(&bits) => {
            Some(Hosts::Range { start: canonical, bits: bits - 96 })
        }
        (IpAddr::V4(_), _) if bits > u32::BITS => None,
        (IpAddr::V6(_), _) if bits > u128::BITS => None,
        _ => Some(Hosts::Range { start, bits }),
    }
}

/// Returns the range of a single address.
fn single(address: IpAddr) -> Hosts<'static> {
    let start = address.to_canonical();
    Hosts::Range { start, bits: if start.is_ipv4() { u32::BITS } else { u128::BITS } }
}

/// Parses a decimal number without a sign.
fn parse_number<N: std::str::FromStr>(digits: &str) -> Option<N> {
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

fn without_brackets(host: &str) -> Option<&str> {
    host.strip_prefix('[')?.strip_suffix(']')
}

fn without_root_dot(host: &str) -> &str {
    host.strip_suffix('.').unwrap_or(host)
}

/// Returns whether `host` is a subdomain of `name`, or the name if `itself` is set.
fn is_name_or_below(host: &str, name: &str, itself: bool) -> bool {
    let Some((rest, end)) = host.len().checked_sub(name.len()).and_then(|at| host.split_at_checked(at)) else {
        return false;
    };
    end.eq_ignore_ascii_case(name) && if rest.is_empty() { itself } else { rest.ends_with('.') }
}

/// Returns whether `address` has the first `bits` bits of `start` and is of the same family.
fn is_within(address: IpAddr, start: IpAddr, bits: u32) -> bool {
    let (differing, width) = match (address, start) {
        (IpAddr::V4(address), IpAddr::V4(start)) => (u128::from(address.to_bits() ^ start.to_bits()), u32::BITS),
        (IpAddr::V6(address), IpAddr::V6(start)) => (address.to_bits() ^ start.to_bits(), u128::BITS),
        _ => return false,
    };
    differing.checked_shr(width.saturating_sub(bits)).unwrap_or_default() == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A list, a host without brackets, a port, and whether the list exempts that server from the proxy.
    type Row = (&'static str, &'static str, u16, bool);

    #[track_caller]
    fn check(rows: &[Row]) {
        let wrong: Vec<_> =
            rows.iter().filter(|&&(list, host, port, exempt)| exempts(list, host, port) != exempt).collect();
        assert!(wrong.is_empty(), "{} of {} rows: {wrong:#?}", wrong.len(), rows.len());
    }

    #[test]
    fn name_covers_itself_and_its_subdomains() {
        check(&[
            // curl and Go agree on a name.
            ("example.com", "example.com", 80, true),
            ("example.com", "www.example.com", 80, true),
            ("example.com", "a.b.example.com", 80, true),
            ("example.com", "notexample.com", 80, false),
            ("example.com", "example.com.evil.test", 80, false),
            ("www.example.com", "example.com", 80, false),
            ("com", "example.com", 80, true),
            ("localhost", "foo.localhost", 80, true),
            ("localhost", "127.0.0.1", 80, false),
            // A leading dot: curl skips it. Go does not cover the name itself then. We do as curl.
            (".example.com", "www.example.com", 80, true),
            (".example.com", "example.com", 80, true),
            (".example.com", "notexample.com", 80, false),
            // A leading `*.`: curl does not know it. Go covers the subdomains alone, and so do we.
            ("*.example.com", "www.example.com", 80, true),
            ("*.example.com", "a.b.example.com", 80, true),
            ("*.example.com", "example.com", 80, false),
            // An asterisk elsewhere is no pattern for curl, for Go, and for us.
            ("*example.com", "www.example.com", 80, false),
            ("www.*", "www.example.com", 80, false),
            ("w*.example.com", "www.example.com", 80, false),
        ]);
    }

    #[test]
    fn asterisk_covers_all_hosts() {
        check(&[
            ("*", "example.com", 80, true),
            ("*", "192.0.2.1", 80, true),
            ("*", "::1", 80, true),
            // curl knows the asterisk only if it is the whole list. We do as Go.
            (" * ", "example.com", 80, true),
            ("other.test,*", "example.com", 80, true),
            // Neither curl nor Go takes these as patterns.
            ("**", "example.com", 80, false),
            ("*.", "example.com", 80, false),
            ("*:80", "example.com", 80, false),
        ]);
    }

    #[test]
    fn case_and_one_trailing_dot_do_not_matter() {
        check(&[
            ("EXAMPLE.Com", "example.com", 80, true),
            ("example.com", "WWW.Example.COM", 80, true),
            // Go does not remove the dot of the root, so that it has to be in both or in none. We do as curl.
            ("localhost.", "localhost", 80, true),
            ("localhost", "localhost.", 80, true),
            ("localhost.", "localhost.", 80, true),
            (".example.com.", "www.example.com", 80, true),
            ("example.com.:80", "example.com", 80, true),
            ("127.0.0.1.", "127.0.0.1", 80, true),
            ("example.com..", "example.com", 80, false),
            (".", "example.com", 80, false),
            ("..", "example.com", 80, false),
        ]);
    }

    #[test]
    fn port_restricts_an_entry_to_that_port() {
        check(&[
            // curl does not know ports, so that such an entry covers nothing. We do as Go.
            ("example.com:8080", "example.com", 8080, true),
            ("example.com:8080", "www.example.com", 8080, true),
            ("example.com:8080", "example.com", 80, false),
            (".example.com:443", "www.example.com", 443, true),
            ("*.example.com:443", "www.example.com", 443, true),
            ("*.example.com:443", "www.example.com", 80, false),
            ("192.0.2.1:80", "192.0.2.1", 80, true),
            ("192.0.2.1:80", "192.0.2.1", 81, false),
            ("[::1]:8080", "::1", 8080, true),
            ("[::1]:8080", "::1", 80, false),
            ("[2001:DB8::1]:443", "2001:db8::1", 443, true),
            // An empty port is any port for Go.
            ("example.com:", "example.com", 81, true),
            // Neither is an entry for Go.
            (":80", "example.com", 80, false),
            ("example.com:http", "example.com", 80, false),
            ("example.com:+80", "example.com", 80, false),
            ("example.com:65616", "example.com", 80, false),
            ("example.com:80:80", "example.com", 80, false),
            ("http://example.com", "example.com", 80, false),
            ("example.com/", "example.com", 80, false),
        ]);
    }

    #[test]
    fn address_is_compared_by_value() {
        check(&[
            ("192.0.2.1", "192.0.2.1", 80, true),
            ("192.0.2.1", "192.0.2.10", 80, false),
            ("2.1", "192.0.2.1", 80, false),
            (".1", "192.0.2.1", 80, false),
            ("::1", "::1", 80, true),
            ("0:0:0:0:0:0:0:1", "::1", 80, true),
            ("2001:DB8:0::1", "2001:db8::1", 80, true),
            ("::1", "127.0.0.1", 80, false),
            // Brackets without a port: curl and Go do not know them. URLs have them, so we do.
            ("[::1]", "::1", 80, true),
            ("[2001:db8::1]", "2001:db8::2", 80, false),
            ("[::1", "::1", 80, false),
            ("::1]", "::1", 80, false),
            ("[::1]8080", "::1", 8080, false),
            ("[192.0.2.1]", "192.0.2.1", 80, false),
            // An IPv4-mapped address is the IPv4 address for Go, and another one for curl. We do as Go.
            ("192.0.2.1", "::ffff:192.0.2.1", 80, true),
            ("::ffff:192.0.2.1", "192.0.2.1", 80, true),
            ("[::ffff:c000:201]:80", "192.0.2.1", 80, true),
            // The URL parser has turned such a host into four decimal numbers. Entries are not URLs.
            ("127.1", "127.0.0.1", 80, false),
            ("0x7f000001", "127.0.0.1", 80, false),
        ]);
    }

    #[test]
    fn range_covers_the_addresses_of_its_prefix() {
        check(&[
            ("10.0.0.0/8", "10.1.2.3", 80, true),
            ("10.0.0.0/8", "11.1.2.3", 80, false),
            ("10.9.9.9/8", "10.1.2.3", 80, true),
            ("192.0.2.128/25", "192.0.2.127", 80, false),
            ("192.0.2.128/25", "192.0.2.255", 80, true),
            ("192.0.2.1/32", "192.0.2.1", 80, true),
            ("192.0.2.1/32", "192.0.2.0", 80, false),
            ("fe80::/10", "febf::1", 80, true),
            ("fe80::/10", "fec0::1", 80, false),
            ("2001:db8::1/128", "2001:db8::1", 80, true),
            ("[2001:db8::]/32", "2001:db8::1", 80, true),
            // curl compares whole addresses if the number is 0. We do as Go.
            ("0.0.0.0/0", "192.0.2.1", 80, true),
            ("::/0", "2001:db8::1", 80, true),
            // A range has one family, except that IPv4-mapped addresses are IPv4 addresses.
            ("0.0.0.0/0", "::1", 80, false),
            ("::/0", "192.0.2.1", 80, false),
            ("10.0.0.0/8", "::ffff:10.1.2.3", 80, true),
            ("::ffff:10.0.0.0/104", "10.1.2.3", 80, true),
            ("::ffff:10.0.0.0/104", "11.1.2.3", 80, false),
            ("10.0.0.0/8", "10.example.com", 80, false),
            // These are no ranges for curl and Go.
            ("10.0.0.0/33", "10.0.0.0", 80, false),
            ("::1/129", "::1", 80, false),
            ("10.0.0.0/", "10.0.0.0", 80, false),
            ("10.0.0.0/+8", "10.0.0.0", 80, false),
            ("10.0.0.0/255.0.0.0", "10.0.0.0", 80, false),
            ("10.0.0.0/8:80", "10.0.0.0", 80, false),
            ("10/8", "10.0.0.0", 80, false),
        ]);
    }

    #[test]
    fn commas_and_blanks_separate_entries() {
        check(&[
            ("", "example.com", 80, false),
            (" ", "example.com", 80, false),
            (",", "example.com", 80, false),
            ("a.test,example.com", "example.com", 80, true),
            ("a.test,,example.com,", "example.com", 80, true),
            (" a.test , example.com ", "example.com", 80, true),
            ("\ta.test\t,\texample.com\t", "example.com", 80, true),
            // Blanks alone separate entries in older versions of curl. Newer ones end the list there, and Go finds no entry.
            ("a.test example.com", "example.com", 80, true),
            ("a.test\texample.com", "a.test", 80, true),
            ("a.test  b.test, example.com", "b.test", 80, true),
            ("a.test\r\nexample.com\n", "example.com", 80, true),
            // Other separators are none.
            ("a.test;example.com", "example.com", 80, false),
            // An entry that is none does not hide the others.
            ("10.0.0.0/99,:1,[,example.com", "example.com", 80, true),
        ]);
    }

    #[test]
    fn international_name_is_compared_in_ascii() {
        check(&[
            // curl compares bytes. We do as Go.
            ("bücher.example", "xn--bcher-kva.example", 80, true),
            ("BÜCHER.example:80", "www.xn--bcher-kva.example", 80, true),
            ("*.bücher.example", "www.xn--bcher-kva.example", 80, true),
            (".bücher.example", "xn--bcher-kva.example", 80, true),
            ("XN--BCHER-KVA.example", "xn--bcher-kva.example", 80, true),
            ("bücher.example", "bucher.example", 80, false),
            ("b\u{fffd}cher.example", "example", 80, false),
        ]);
    }
}
