//! The bench of the native clients.

fn main() -> anyhow::Result<()> {
    samesocket_bench::run(None)
}
