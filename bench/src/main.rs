//! The program that measures native clients.

fn main() -> anyhow::Result<()> {
    samesocket_bench::run(None)
}
