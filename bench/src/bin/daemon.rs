//! The daemon beside the least program that does its job: CPU, loss, bursts, memory, latency, start,
//! outage, stop, size. A quick run takes some minutes, `--full` half an hour.
//! `cargo build --release --workspace --bins`, then
//! `cargo run --release -p radiograph-bench --bin daemon -- [scenario…] [--peer PATH] [--full]`

#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> anyhow::Result<ExitCode> {
    use radiograph_bench::daemon::{cli, floor, proc, sink, target};

    // The parts come first: the floor must not pay for the driver's command line.
    let mut args = std::env::args().skip(1);
    if args.next().as_deref() == Some(target::PART) {
        let args: Vec<String> = args.collect();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        match args.as_slice() {
            ["floor", udp, sink] => floor::run(udp.parse()?, sink.parse()?)?,
            ["sink", kind] => sink::run(*kind == "framed")?,
            other => anyhow::bail!("no such part: {other:?}"),
        }
        return Ok(ExitCode::SUCCESS);
    }
    proc::pin(proc::MEASURED_CORES)?;
    let settings = cli::parse()?;
    println!("{}", proc::surroundings());
    let (mut passed, mut bars) = (0, 0);
    for scenario in &settings.scenarios {
        let table = scenario.run(&settings)?;
        println!("{table}");
        let verdict = table.verdict();
        passed += verdict.0;
        bars += verdict.1;
    }
    println!("{passed} of {bars} bars kept");
    let is_good = passed == bars || !settings.check;
    Ok(if is_good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    println!("this bench reads /proc and pins processes to cores: Linux only");
    ExitCode::FAILURE
}
