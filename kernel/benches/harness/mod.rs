//! Rounds in which all engines take their turn, in one process: what else the machine does slows
//! all of them alike, so ratios within a round can be trusted where speeds cannot. Where the system
//! tells, a turn is measured in time on the processor, so that other processes do not count.

use std::{
    process::{Command, ExitCode},
    sync::LazyLock,
    time::Instant,
};

use crate::engines::Engine;

/// An engine's name and how it is made for a number of entities.
pub(crate) type Maker = (&'static str, fn(u32) -> Box<dyn Engine>);

/// Rounds for each number of entities.
const ROUNDS: usize = 15;

/// Seconds of a turn: long beside the few milliseconds to which systems count processor time.
const TURN: f64 = 0.2;

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
    println!(
        "millions of events per second in {ROUNDS} rounds; ratio to the first engine by round\n"
    );
    println!(
        "| entities | engine | best | median | median ratio | least ratio | bytes per entity |"
    );
    println!("| ---: | --- | ---: | ---: | ---: | ---: | ---: |");
    for n in entities {
        contest(makers, n);
    }
    ExitCode::SUCCESS
}

/// Events per second of one turn of about `TURN` seconds.
fn turn(engine: &mut dyn Engine, events: u64) -> f64 {
    let before = seconds();
    engine.run(events);
    events as f64 / (seconds() - before)
}

fn contest(makers: &[Maker], n: u32) {
    let mut engines: Vec<_> = makers.iter().map(|(_, make)| make(n)).collect();
    let events: Vec<u64> = engines
        .iter_mut()
        .map(|engine| {
            // Each entity once, so that the heap has its usual shape; then a turn to measure.
            engine.run(u64::from(n));
            (TURN * turn(engine.as_mut(), 100_000)) as u64
        })
        .collect();
    let mut speeds = vec![Vec::new(); engines.len()];
    for _ in 0..ROUNDS {
        for ((engine, &events), speeds) in engines.iter_mut().zip(&events).zip(&mut speeds) {
            speeds.push(turn(engine.as_mut(), events));
        }
    }
    for (place, engine) in engines.iter().enumerate() {
        let mut own = speeds[place].clone();
        let mut ratios: Vec<f64> =
            speeds[0].iter().zip(&speeds[place]).map(|(first, own)| own / first).collect();
        own.sort_by(f64::total_cmp);
        ratios.sort_by(f64::total_cmp);
        let memory = memory(makers[place].0, n)
            .map_or_else(|| "unknown".into(), |bytes| format!("{bytes:.0}"));
        println!(
            "| {n} | {} | {:.2} | {:.2} | {:.3} | {:.3} | {memory} |",
            engine.name(),
            own[ROUNDS - 1] / 1e6,
            own[ROUNDS / 2] / 1e6,
            ratios[ROUNDS / 2],
            ratios[0],
        );
    }
}

/// Seconds that this thread has spent on a processor, or else those that have passed.
fn seconds() -> f64 {
    let on_processor = || -> Option<f64> {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        Some(text.split_whitespace().next()?.parse::<u64>().ok()? as f64 * 1e-9)
    };
    #[expect(clippy::disallowed_methods, reason = "a benchmark measures the host's time")]
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    on_processor().unwrap_or_else(|| START.elapsed().as_secs_f64())
}

/// Bytes per entity of an engine in a process of its own: what `n` entities add to one.
fn memory(name: &str, n: u32) -> Option<f64> {
    let resident = |n: u32| -> Option<f64> {
        let program = std::env::current_exe().ok()?;
        let output = Command::new(program).args([MEMORY, name, &n.to_string()]).output().ok()?;
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
