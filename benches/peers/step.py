"""The published MeZO step and the forward in PyTorch, for `cargo bench -p fleetune-algorithms --bench step`.

Reads one word a line from stdin and answers one number a line:

  loss     the loss of the model at rest, so that both sides are known to compute the same
  forward  seconds of the processor for the loss of one mini-batch
  step     seconds of the processor for one MeZO step
  version  of PyTorch
  product  seconds of the processor for one product of two 1024 x 1024 matrices

The step is Algorithm 1 of Malladi et al. 2023 (arXiv 2305.17333) as its authors' trainer performs it: every parameter is
perturbed in place by noise that is drawn again from the step's seed each of the four times (+1, -2, +1, update).
"""

import json
import sys
import time

import torch
from transformers import BertModel

EPSILON, RATE = 1e-3, 1e-6


class Classifier(torch.nn.Module):
    """The sentence encoder with the cosine head of `models/transformer/head.rs`."""

    def __init__(self, directory, head, scale):
        super().__init__()
        self.encoder = BertModel.from_pretrained(
            directory, add_pooling_layer=False, dtype=torch.float32
        )
        self.head = torch.nn.Parameter(torch.tensor(head))
        self.scale = scale

    def forward(self, ids, mask, labels):
        states = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        shares = mask / mask.sum(1, keepdim=True)
        pooled = (states * shares.unsqueeze(2)).sum(1)
        pooled = pooled / (pooled.norm(dim=1, keepdim=True) + 1e-6)
        return torch.nn.functional.cross_entropy(pooled @ self.head * self.scale, labels)


class Mezo:
    def __init__(self, model, batch):
        self.model, self.batch, self.seed = model, batch, 0
        self.parameters = [p for p in model.parameters() if p.requires_grad]

    def perturb(self, seed, factor):
        torch.manual_seed(seed)
        for p in self.parameters:
            z = torch.normal(mean=0, std=1, size=p.data.size(), device=p.device, dtype=p.dtype)
            p.data = p.data + factor * z * EPSILON

    def forward(self):
        self.model.eval()
        with torch.inference_mode():
            return self.model(*self.batch)

    def step(self):
        self.seed += 1
        self.perturb(self.seed, 1)
        plus = self.forward()
        self.perturb(self.seed, -2)
        minus = self.forward()
        self.perturb(self.seed, 1)
        gradient = ((plus - minus) / (2 * EPSILON)).item()
        torch.manual_seed(self.seed)
        for p in self.parameters:
            z = torch.normal(mean=0, std=1, size=p.data.size(), device=p.device, dtype=p.dtype)
            p.data = p.data - RATE * (gradient * z)


def timed(work):
    start = time.process_time()
    work()
    return time.process_time() - start


def main():
    torch.set_num_threads(1)
    given = json.load(open(sys.argv[1]))
    model = Classifier(given["model"], given["head"], given["scale"])
    batch = torch.tensor(given["ids"]), torch.tensor(given["mask"]), torch.tensor(given["labels"])
    mezo = Mezo(model, batch)
    left, right = torch.randn(1024, 1024), torch.randn(1024, 1024)
    answers = {
        "loss": lambda: mezo.forward().item(),
        "forward": lambda: timed(mezo.forward),
        "step": lambda: timed(mezo.step),
        "product": lambda: timed(lambda: left @ right),
        "version": lambda: torch.__version__,
    }
    for line in sys.stdin:
        print(answers[line.strip()](), flush=True)


if __name__ == "__main__":
    main()
