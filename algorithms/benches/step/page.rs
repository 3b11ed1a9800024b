use std::fmt::Write;

use crate::{
    numbers::Numbers,
    subject::{SQUARE, Subject, TEXTS, TOKENS},
};

/// What was measured, as a section of a page.
pub(crate) fn markdown(subject: &Subject, numbers: &Numbers, peer: Option<&str>) -> String {
    let mut page = format!(
        "### {}\n\n{TEXTS} texts of {TOKENS} tokens, {:.2} GFLOP in the products of a forward, {:.1} million values that \
         train and are touched.\n\n",
        subject.name,
        subject.flops() * 1e-9,
        subject.touched() as f64 * 1e-6,
    );
    let write = "a string can be written";
    if let Some(version) = peer {
        writeln!(page, "| ms on the processor, median | fleetune | PyTorch {version} | times as fast, median | least | most |")
            .expect(write);
        writeln!(page, "| --- | ---: | ---: | ---: | ---: | ---: |").expect(write);
        let rows = [
            ("the forward and its loss", "forward", "peer forward"),
            ("the MeZO step of a client", "step", "peer step"),
            ("the MeZO step, and the server's of it", "settled", "peer step"),
            ("a product of 1024 x 1024 matrices", "product", "peer product"),
        ];
        for (what, ours, theirs) in rows {
            let [middle, least, most] = numbers.paired([theirs, ours], |[t, o]| t / o);
            let [ours, theirs] = [ours, theirs].map(|name| 1e3 * numbers.median(name));
            writeln!(
                page,
                "| {what} | {ours:.2} | {theirs:.2} | {middle:.2} | {least:.2} | {most:.2} |"
            )
            .expect(write);
        }
        page.push('\n');
    }
    limits(subject, numbers, peer.is_some(), &mut page);
    page
}

/// What the machine could do at best, and what is reached of it.
fn limits(subject: &Subject, numbers: &Numbers, peer: bool, page: &mut String) {
    let product = 2.0 * (SQUARE as f64).powi(3);
    // Medians: a clock that jumps would make the shortest turn of a peak that no processor has.
    let usual = |name: &str| product / numbers.median(name);
    let peak = match peer {
        true => usual("product").max(usual("peer product")),
        false => usual("product"),
    };
    let forward = subject.flops() / numbers.median("forward");
    let [beside, ..] = numbers.paired(["step", "forward"], |[s, f]| (s - 2.0 * f) / s);
    let [noise, ..] = numbers.paired(["noise", "fill"], |[n, f]| n / f);
    let normals = subject.touched() as f64;
    let lines = [
        format!(
            "* A product of {SQUARE} x {SQUARE} matrices, by the faster library: {:.0} GFLOP/s. The forward: {:.0} GFLOP/s, \
             {:.2} of it.",
            peak * 1e-9,
            forward * 1e-9,
            forward / peak
        ),
        format!("* What is not one of the two forwards: {:.1} % of a step.", 100.0 * beside),
        format!(
            "* A normal: {:.2} ns; {:.1} times what it takes to write a constant there.",
            1e9 * numbers.median("noise") / normals,
            noise
        ),
    ];
    page.push_str(&lines.join("\n"));
    page.push('\n');
}
