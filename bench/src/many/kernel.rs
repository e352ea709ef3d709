//! The kernel's share of many sockets: its sockets and its memory.

use std::fs;

use anyhow::{Context as _, Result};
use rustix::param::page_size;

/// The kernel's objects for sockets: the connection, its inode, its file, and queued packets. Those for connections in
/// TIME-WAIT are left out, because clients before leave them behind.
const OBJECTS: [&str; 6] = ["TCP", "TCPv6", "sock_inode_cache", "filp", "skbuff_head_cache", "skbuff_small_head"];

/// Returns the number of sockets of this process.
pub(super) fn sockets() -> Result<usize> {
    let links = fs::read_dir("/proc/self/fd")?.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    Ok(links.filter(|link| link.to_string_lossy().starts_with("socket:")).count())
}

/// Returns the memory of the kernel's objects for sockets and of TCP's buffers, in KiB, or `None` if this user may not know
/// it. It is that of the whole machine, because the kernel does not count it by process.
pub(super) fn memory() -> Result<Option<f64>> {
    // Only the superuser can read it.
    let Ok(slabs) = fs::read_to_string("/proc/slabinfo") else { return Ok(None) };
    let mut bytes = 0.0;
    for line in slabs.lines() {
        // The name, the number of objects in use, the number of all objects, and the size of an object.
        let mut words = line.split_whitespace();
        if words.next().is_some_and(|name| OBJECTS.contains(&name)) {
            let mut number = || words.next().context("slabinfo lacks a number")?.parse::<f64>().context("slabinfo");
            let (used, _, size) = (number()?, number()?, number()?);
            bytes += used * size;
        }
    }
    // The words after the name are pairs of a name and a number.
    let words = fs::read_to_string("/proc/net/sockstat")?;
    let tcp = words.lines().find(|line| line.starts_with("TCP:")).context("there is no TCP in sockstat")?;
    let pages = tcp.split(' ').skip_while(|word| *word != "mem").nth(1).context("sockstat has no memory of TCP")?;
    bytes += pages.parse::<f64>()? * f64::from(u32::try_from(page_size())?);
    Ok(Some(bytes / 1024.0))
}
