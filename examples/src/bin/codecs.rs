//! `codecs URL FORMAT...`: sends two readings and prints the verdicts. The formats are `readings.postcard` and
//! `readings.msgpack`.

use std::env;

use samesocket_examples::BoxError;
use samesocket_examples::codecs::{Reading, connect_readings};

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let url = env::args().nth(1).ok_or("usage: codecs URL FORMAT...")?;
    let formats: Vec<String> = env::args().skip(2).collect();
    let formats: Vec<&str> = formats.iter().map(String::as_str).collect();
    let mut readings = connect_readings(&url, &formats).await?;
    println!("{}", readings.get_ref().protocol());
    for celsius in [21.5, 42.0] {
        readings.send(&Reading { sensor: "attic".to_owned(), celsius }).await?;
        println!("{:?}", readings.next().await.transpose()?);
    }
    readings.get_ref().close(Some(1000), None).await?;
    Ok(())
}
