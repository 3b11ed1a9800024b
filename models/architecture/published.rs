//! Architectures as their `config.json` on the Hugging Face hub states them.

use super::{Architecture, FeedForward, Norm, Placement, Positions};

/// RoBERTa-large (Liu et al. 2019), `FacebookAI/roberta-large`.
///
/// `RobertaModel` has 355,359,744 parameters, of which 1,049,600 (d² + d) are its pooler: that is no part of what is
/// fine-tuned here, and is not counted. The first two of its 514 positions stand before the first token.
pub fn roberta_large() -> Architecture {
    Architecture {
        vocab_size: 50_265,
        hidden_size: 1024,
        num_hidden_layers: 24,
        num_attention_heads: 16,
        num_key_value_heads: None,
        head_dim: None,
        intermediate_size: 4096,
        positions: Positions::Learned { rows: 514, unused: 2 },
        type_vocab_size: 1,
        feed_forward: FeedForward::Gelu,
        norm: Norm::Layer,
        placement: Placement::Post,
        biases: true,
    }
}

/// OPT-1.3B (Zhang et al. 2022), `facebook/opt-1.3b`: 1,315,758,080 parameters, the output embedding tied.
///
/// Its `max_position_embeddings` is 2048; `OPTLearnedPositionalEmbedding` adds two rows that no token has.
pub fn opt_1_3b() -> Architecture {
    Architecture {
        vocab_size: 50_272,
        hidden_size: 2048,
        num_hidden_layers: 24,
        num_attention_heads: 32,
        num_key_value_heads: None,
        head_dim: None,
        intermediate_size: 8192,
        positions: Positions::Learned { rows: 2050, unused: 2 },
        type_vocab_size: 0,
        feed_forward: FeedForward::Relu,
        norm: Norm::Layer,
        placement: Placement::Pre,
        biases: true,
    }
}

/// LLaMA-3.2-3B (Meta 2024), `meta-llama/Llama-3.2-3B`: 3,212,749,824 parameters, the output embedding tied.
pub fn llama_3_2_3b() -> Architecture {
    Architecture {
        vocab_size: 128_256,
        hidden_size: 3072,
        num_hidden_layers: 28,
        num_attention_heads: 24,
        num_key_value_heads: Some(8),
        head_dim: Some(128),
        intermediate_size: 8192,
        positions: Positions::Rotary,
        type_vocab_size: 0,
        feed_forward: FeedForward::Swiglu,
        norm: Norm::Rms,
        placement: Placement::Pre,
        biases: false,
    }
}
