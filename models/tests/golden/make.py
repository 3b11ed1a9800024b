#!/usr/bin/env python3
"""Makes the golden checkpoints of this folder with the reference library: for each family a tiny model of random
weights, a tokenizer, a few texts, and what the reference computes of them.

    python3 -m venv env && env/bin/pip install torch "transformers==4.46.3" "numpy<2"
    env/bin/python models/tests/golden/make.py models/tests/golden

Made with PyTorch 1.13.1 and transformers 4.46.3. The weights are 16-bit floats, so that both sides start from the same
numbers; the reference computes with them in 32 bits.
"""

import json
import pathlib
import sys

import torch
import transformers
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors

TEXTS = ["a red fish", "the old dog ran home and slept", "no", "two birds and one fish swam to the sea today"]
WORDS = sorted({word for text in TEXTS for word in text.split()})


def tokenizer(start, end, mask):
    """Whole words; a token before every text, one after it if `end` is given, and one for a masked word if `mask` is."""
    special = ["[PAD]", "[UNK]", start] + ([end] if end else [])
    vocabulary = {token: i for i, token in enumerate(special + WORDS)}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    single = f"{start} $A {end}" if end else f"{start} $A"
    tokens = [(start, vocabulary[start])] + ([(end, vocabulary[end])] if end else [])
    made.post_processor = processors.TemplateProcessing(single=single, special_tokens=tokens)
    if mask:
        made.add_special_tokens([mask])
    return made


SMALL = dict(vocab_size=40, hidden_size=24, num_hidden_layers=2, num_attention_heads=4)


def families():
    wide = dict(intermediate_size=40, max_position_embeddings=16)
    bert = transformers.BertConfig(**SMALL, **wide, hidden_act="gelu_new")
    yield "bert", bert, transformers.BertForMaskedLM, ("[CLS]", "[SEP]", "[MASK]")
    roberta = transformers.RobertaConfig(**SMALL, **wide, type_vocab_size=1, pad_token_id=1, layer_norm_eps=1e-5)
    yield "roberta", roberta, transformers.RobertaForMaskedLM, ("<s>", "</s>", "<mask>")
    opt = transformers.OPTConfig(**SMALL, ffn_dim=40, max_position_embeddings=16, word_embed_proj_dim=24, dropout=0.0)
    yield "opt", opt, transformers.OPTForCausalLM, ("</s>", None, None)
    scaling = dict(
        rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=8
    )
    llama = dict(**SMALL, **wide, num_key_value_heads=2, rope_theta=500.0, tie_word_embeddings=False, rope_scaling=scaling)
    yield "llama", transformers.LlamaConfig(**llama), transformers.LlamaForCausalLM, ("<s>", None, None)


def make(folder, config, kind, tokens):
    torch.manual_seed(7)
    model = kind(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            # Everything drawn, gains and shifts too: zeros and ones would hide a wrong name.
            gain = 1.0 if parameter.dim() == 1 and name.endswith("weight") else 0.0
            parameter.copy_((gain + 0.25 * torch.randn_like(parameter)).half().float())
    folder.mkdir(exist_ok=True)
    config.save_pretrained(folder)
    made = tokenizer(*tokens)
    made.save(str(folder / "tokenizer.json"))
    tensors, seen = {}, set()
    for name, tensor in model.state_dict().items():
        if tensor.data_ptr() in seen or not tensor.is_floating_point():
            continue
        seen.add(tensor.data_ptr())
        tensors[name] = tensor.half().contiguous()
    save_file(tensors, str(folder / "model.safetensors"))
    golden = []
    for text in TEXTS:
        ids = made.encode(text).ids
        with torch.no_grad():
            out = model(input_ids=torch.tensor([ids]), output_hidden_states=True)
        golden.append(
            {
                "text": text,
                "ids": ids,
                # Of the last layer, behind the final norm where there is one.
                "states": out.hidden_states[-1][0].tolist(),
                "logits": out.logits[0].tolist(),
            }
        )
    (folder / "golden.json").write_text(json.dumps(golden))


if __name__ == "__main__":
    for name, *rest in families():
        make(pathlib.Path(sys.argv[1]) / name, *rest)
