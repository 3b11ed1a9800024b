//! Rounds in which all engines take their turn, in one process: what else the machine does slows
//! all of them alike, so ratios within a round can be trusted where speeds cannot.

use std::{process::ExitCode, time::Instant};

use crate::engines::Engine;

/// An engine's name and how it is made for a number of entities.
pub(crate) type Maker = (&'static str, fn(u32) -> Box<dyn Engine>);

/// Rounds for each number of entities.
const ROUNDS: usize = 15;

/// Numbers of entities unless told otherwise.
const ENTITIES: [u32; 4] = [1_000, 10_000, 100_000, 1_000_000];

/// The first argument of a child process that holds one engine and tells its memory.
const MEMORY: &str = "memory";

/// Runs all engines for the numbers of entities in the arguments; the first engine is the measure.
pub(crate) fn main(makers: &[Maker]) -> ExitCode {
    // `cargo bench` adds an argument of its own.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    if let [first, name, n] = &arguments[..]
        && first == MEMORY
    {
        return tell_memory(makers, name, n.parse().unwrap_or(0));
    }
    let mut entities: Vec<u32> = arguments.iter().filter_map(|a| a.parse().ok()).collect();
    if entities.is_empty() {
        entities = ENTITIES.to_vec();
    }
    println!("events per second: best and median of {ROUNDS} rounds; ratio: median over rounds\n");
    println!("| entities | engine | best M/s | median M/s | ratio | worst | bytes per entity |");
    println!("| ---: | --- | ---: | ---: | ---: | ---: | ---: |");
    for n in entities {
        contest(makers, n);
    }
    ExitCode::SUCCESS
}

fn contest(makers: &[Maker], n: u32) {
    let mut engines: Vec<_> = makers.iter().map(|(_, make)| make(n)).collect();
    // Long enough for the clock's resolution, short enough for fifteen rounds.
    let events = 400_000;
    for engine in &mut engines {
        engine.run(u64::from(n).max(events));
    }
    let mut seconds = vec![Vec::new(); engines.len()];
    for _ in 0..ROUNDS {
        for (engine, seconds) in engines.iter_mut().zip(&mut seconds) {
            seconds.push(time(|| engine.run(events)));
        }
    }
    for (place, engine) in engines.iter().enumerate() {
        let speed = |seconds: f64| events as f64 / seconds / 1e6;
        let mut own: Vec<f64> = seconds[place].iter().map(|&s| speed(s)).collect();
        let mut ratios: Vec<f64> =
            seconds[0].iter().zip(&seconds[place]).map(|(first, own)| first / own).collect();
        own.sort_by(f64::total_cmp);
        ratios.sort_by(f64::total_cmp);
        let memory = memory(makers[place].0, n)
            .map_or_else(|| "unknown".into(), |bytes| format!("{bytes:.0}"));
        println!(
            "| {n} | {} | {:.2} | {:.2} | {:.2} | {:.2} | {memory} |",
            engine.name(),
            own[ROUNDS - 1],
            own[ROUNDS / 2],
            ratios[ROUNDS / 2],
            ratios[0],
        );
    }
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures the host's time")]
fn time(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64()
}

/// Bytes per entity of an engine in a process of its own: what `n` entities add to one.
fn memory(name: &str, n: u32) -> Option<f64> {
    let resident = |n: u32| -> Option<f64> {
        let program = std::env::current_exe().ok()?;
        let output = std::process::Command::new(program)
            .args([MEMORY, name, &n.to_string()])
            .output()
            .ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse().ok()
    };
    Some((resident(n)? - resident(1)?) / f64::from(n))
}

fn tell_memory(makers: &[Maker], name: &str, n: u32) -> ExitCode {
    let Some((_, make)) = makers.iter().find(|(other, _)| *other == name) else {
        return ExitCode::FAILURE;
    };
    let mut engine = make(n);
    engine.run(u64::from(n));
    let Some(bytes) = resident_bytes() else { return ExitCode::FAILURE };
    println!("{bytes}");
    // Read only now, so that the engine is alive when memory is counted.
    if engine.clock() > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Resident bytes of this process, where the system tells.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
}
