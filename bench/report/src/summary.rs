//! The first table of the README: which client takes how much time for which work.

use crate::figures::{least, quartiles};
use crate::native::{self, FUTURES_ON_TOKIO, Figure, Run, cpu_time, idle_memory};
use crate::page;

/// The work of the jobs that the table has.
const WORK: [(&str, &str); 28] = [
    ("lat64", "64 bytes there and back, one message at a time"),
    ("pipe64", "64 bytes there and back, many at a time"),
    ("echo1k", "1 KiB there and back"),
    ("echo16k", "16 KiB there and back"),
    ("text16k", "16 KiB of JSON there and back"),
    ("ascii16k", "16 KiB of ASCII there and back"),
    ("echo1m", "1 MiB there and back"),
    ("echo16m", "16 MiB there and back"),
    ("recv64", "receive 64 bytes"),
    ("recv16k", "receive 16 KiB"),
    ("recvtext16k", "receive 16 KiB of JSON"),
    ("recv1m", "receive 1 MiB"),
    ("send64", "send 64 bytes"),
    ("send16k", "send 16 KiB"),
    ("send1m", "send 1 MiB"),
    ("deflate64", "64 bytes of JSON there and back, compressed, one message at a time"),
    ("deflate1k", "1 KiB of JSON there and back, compressed"),
    ("deflate16k", "16 KiB of JSON there and back, compressed"),
    ("random16k", "16 KiB of random bytes there and back, compression on"),
    ("random1m", "1 MiB of random bytes there and back, compression on"),
    ("tls64", "64 bytes there and back over TLS, one message at a time"),
    ("tlsecho1k", "1 KiB there and back over TLS"),
    ("tls16k", "16 KiB there and back over TLS"),
    ("tlsrecv16k", "receive 16 KiB over TLS"),
    ("tlssend16k", "send 16 KiB over TLS"),
    ("tls1m", "1 MiB there and back over TLS"),
    ("conn100", "64 bytes there and back on each of 100 connections"),
    ("conn10k", "64 bytes there and back on each of 10,000 connections"),
];

/// The job whose idle connections are compared.
const IDLE: &str = "conn10k";

/// Formats the CPU time of samesocket on the caller's runtime and of the other libraries, relative to the fastest.
pub(crate) fn table(run: &Run) -> String {
    let clients = clients(run);
    let title = |client: &&str| if *client == FUTURES_ON_TOKIO { "samesocket" } else { *client }.to_owned();
    let head: Vec<String> = std::iter::once("work".to_owned()).chain(clients.iter().map(title)).collect();
    let jobs = WORK.into_iter().map(|(job, work)| row(run, &clients, format!("{work} (`{job}`)"), job, cpu_time));
    let idle = row(run, &clients, format!("memory of each of 10,000 idle connections (`{IDLE}`)"), IDLE, idle_memory);
    format!("{}\n{}", page::table(&head, jobs.chain([idle]).flatten()), standing(run))
}

/// Returns our own client, and the other libraries.
fn clients(run: &Run) -> Vec<&str> {
    std::iter::once(FUTURES_ON_TOKIO).chain(native::peers(run)).collect()
}

/// Says in how many jobs samesocket is the first, and in how many it is not. A job counts only if each round agrees.
fn standing(run: &Run) -> String {
    let (mut all, mut first, mut behind) = (0, 0, Vec::new());
    for (job, _) in WORK {
        let ratios = |peer: &str| run.ratios(job, peer, FUTURES_ON_TOKIO);
        let ratios: Vec<Vec<f64>> = native::peers(run).map(ratios).filter(|ratios| !ratios.is_empty()).collect();
        if ratios.is_empty() {
            continue;
        }
        all += 1;
        first += usize::from(ratios.iter().flatten().all(|ratio| *ratio > 1.0));
        if ratios.iter().any(|ratios| ratios.iter().all(|ratio| *ratio < 1.0)) {
            behind.push(format!("`{job}`"));
        }
    }
    let behind = if behind.is_empty() { "none".to_owned() } else { behind.join(", ") };
    format!(
        "samesocket takes less CPU time than each other library in each of the {} rounds in {first} of the {all} jobs. It takes more \
         than another library in each round in: {behind}.\n",
        run.rounds
    )
}

/// Returns a row, if our own client did the job. Each figure is the median of the ratios to our own client within one round, and the
/// least of these is 1.
fn row(run: &Run, clients: &[&str], title: String, job: &str, figure: Figure) -> Option<Vec<String>> {
    let own = clients.first().filter(|own| run.median(job, own, figure).is_finite())?;
    let ratios: Vec<f64> = clients.iter().map(|client| quartiles(run.ratios_of(figure, job, client, own))[1]).collect();
    let least = least(ratios.iter().copied(), |ratio| *ratio)?;
    let cells = ratios.iter().map(|ratio| match ratio / least {
        ratio if ratio.is_nan() => String::new(),
        // The fastest client, and those whose ratio is shown as the same.
        ratio if ratio < 1.005 => "**1.00**".to_owned(),
        ratio if ratio < 10.0 => format!("{ratio:.2}"),
        ratio => format!("{ratio:.0}"),
    });
    Some(std::iter::once(title).chain(cells).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::native::tests::run;

    #[test]
    fn ratios_are_to_the_fastest_client_of_each_row() {
        let run = run(&[
            ("lat64", "a", &[3.0]),
            ("lat64", "b", &[36.0]),
            ("lat64", "b over HTTP/2", &[0.1]),
            ("lat64", FUTURES_ON_TOKIO, &[2.0]),
            ("tls64", "a", &[1.0]),
            ("tls64", FUTURES_ON_TOKIO, &[1.004]),
            ("tls64", "samesocket (futures)", &[0.1]),
            ("send64", "a", &[1.0]),
        ]);
        let expected = [
            "| work | samesocket | a | b |",
            "| --- | --- | --- | --- |",
            "| 64 bytes there and back, one message at a time (`lat64`) | **1.00** | 1.50 | 18 |",
            "| 64 bytes there and back over TLS, one message at a time (`tls64`) | **1.00** | **1.00** |  |",
        ];
        let table = table(&run);
        let (rows, standing) = table.split_once("\n\n").unwrap();
        assert_eq!(rows.lines().collect::<Vec<_>>(), expected);
        let expected = "samesocket takes less CPU time than each other library in each of the 1 rounds in 1 of the 2 jobs. It takes more \
                        than another library in each round in: `tls64`.\n";
        assert_eq!(standing, expected);
    }
}
