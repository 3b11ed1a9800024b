//! Checkpoints by name, in the cache that Hugging Face's tools keep: read where they are, never downloaded.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
};

use super::read;
use crate::ModelError;

/// The folder of the checkpoint `name` (`org/name`) in the cache, at the revision that `main` was when it was fetched.
///
/// The cache is `HF_HUB_CACHE`, else `hub` in `HF_HOME`, else `huggingface/hub` in `XDG_CACHE_HOME` or in `~/.cache`.
///
/// # Errors
/// [`ModelError::Hub`] if the name is not of that form, or nothing of that name is there.
pub fn cached(name: &str) -> Result<PathBuf, ModelError> {
    cached_in(name, &|variable| env::var_os(variable))
}

fn cached_in(
    name: &str,
    variable: &dyn Fn(&str) -> Option<OsString>,
) -> Result<PathBuf, ModelError> {
    let refuse = |reason: String| Err(ModelError::Hub { name: name.to_owned(), reason });
    let plain = |part: &str| {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        !part.is_empty() && !part.starts_with('.') && part.chars().all(allowed)
    };
    let parts: Vec<&str> = name.split('/').collect();
    if parts.len() != 2 || !parts.iter().all(|part| plain(part)) {
        return refuse("expected a name such as `facebook/opt-125m`".to_owned());
    }
    let Some(cache) = cache(variable) else {
        return refuse("there is no home folder in which a cache could be".to_owned());
    };
    let folder = cache.join(format!("models--{}", parts.join("--")));
    let main = folder.join("refs/main");
    if !main.is_file() {
        return refuse(format!(
            "it is not in {}, and is not downloaded: fetch it once, for example by `hf download {name}`",
            cache.display()
        ));
    }
    let revision = String::from_utf8_lossy(&read(&main)?).trim().to_owned();
    let snapshot = folder.join("snapshots").join(&revision);
    if !plain(&revision) || !snapshot.is_dir() {
        return refuse(format!(
            "{} names revision `{revision}`, which is not there: fetch it again",
            main.display()
        ));
    }
    Ok(snapshot)
}

/// Where the cache is.
fn cache(variable: &dyn Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let below = |path: PathBuf, rest: &str| path.join(Path::new(rest));
    set("HF_HUB_CACHE")
        .or_else(|| set("HF_HOME").map(|home| below(home, "hub")))
        .or_else(|| set("XDG_CACHE_HOME").map(|cache| below(cache, "huggingface/hub")))
        .or_else(|| set("HOME").map(|home| below(home, ".cache/huggingface/hub")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With these variables alone.
    fn look(name: &str, variables: &[(&str, &Path)]) -> Result<PathBuf, String> {
        let variable = |asked: &str| {
            let found = variables.iter().find(|(name, _)| *name == asked);
            found.map(|(_, path)| path.as_os_str().to_owned())
        };
        cached_in(name, &variable).map_err(|error| error.to_string())
    }

    fn fetched(cache: &Path) -> PathBuf {
        let folder = cache.join("models--some--model-1.3b");
        let snapshot = folder.join("snapshots/0123abcd");
        std::fs::create_dir_all(&snapshot).unwrap();
        std::fs::create_dir_all(folder.join("refs")).unwrap();
        std::fs::write(folder.join("refs/main"), "0123abcd").unwrap();
        snapshot
    }

    #[test]
    fn a_checkpoint_is_found_where_the_variables_say_in_their_order() {
        let name = "some/model-1.3b";
        let dir = tempfile::tempdir().unwrap();
        let [hub, home, xdg, user] = ["a", "b", "c", "d"].map(|part| dir.path().join(part));
        let expected = [
            fetched(&hub),
            fetched(&home.join("hub")),
            fetched(&xdg.join("huggingface/hub")),
            fetched(&user.join(".cache/huggingface/hub")),
        ];
        let all: [(&str, &Path); 4] =
            [("HF_HUB_CACHE", &hub), ("HF_HOME", &home), ("XDG_CACHE_HOME", &xdg), ("HOME", &user)];
        for (first, expected) in expected.iter().enumerate() {
            assert_eq!(look(name, &all[first..]).as_ref(), Ok(expected));
        }
        assert!(look(name, &[]).unwrap_err().contains("no home folder"));
    }

    #[test]
    fn what_is_not_there_says_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let cache: [(&str, &Path); 1] = [("HF_HUB_CACHE", dir.path())];
        let error = look("some/model-1.3b", &cache).unwrap_err();
        assert!(error.contains("hf download some/model-1.3b"), "{error}");
        let snapshot = fetched(dir.path());
        std::fs::remove_dir(snapshot).unwrap();
        let error = look("some/model-1.3b", &cache).unwrap_err();
        assert!(error.contains("refs/main") && error.contains("0123abcd"), "{error}");
        for name in ["model", "a/b/c", "../x", "a/..", "/x", "a/", "a b/c", ""] {
            let error = look(name, &cache).unwrap_err();
            assert!(error.contains("expected a name"), "{name}: {error}");
        }
    }
}
