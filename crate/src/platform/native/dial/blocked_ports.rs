//! Ports that no page may reach, so that no server of another protocol is fooled.

/// Whether a port is [bad](https://fetch.spec.whatwg.org/#bad-port).
pub(in crate::platform::native) fn is_bad(port: u16) -> bool {
    BAD.binary_search(&port).is_ok()
}

const BAD: [u16; 83] = [
    0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109,
    110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531,
    532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060,
    5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_knows_mail_but_not_the_web() {
        assert!(BAD.is_sorted());
        assert!([0, 25, 6667, 10080].into_iter().all(is_bad));
        assert!([80, 443, 8080, 9001, 6668 + 5].into_iter().all(|port| !is_bad(port)));
    }
}
