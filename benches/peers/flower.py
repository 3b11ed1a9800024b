"""A federated loop in Flower and PyTorch, for benches/federation-peers.sh.

    flower.py CHECKPOINT ROUNDS EVERY

FedAvg as the quickstart has it: 64 clients, of whom a round asks 8; each takes four steps of AdamW on mini-batches of 16
texts of 32 tokens, all layers and the head training, and sends its parameters; the server averages them and, before the
first round and after every EVERY, evaluates 1000 texts. The model is the checkpoint's encoder with the cosine head of
`models/transformer/head.rs`. Texts are random tokens: how long a step takes does not depend on them. Prints seconds of the
wall from the first round to the end of the last, so that neither imports nor the start of Ray count.

Clients run in Ray's workers, one thread of PyTorch in each and as many workers as there are processors: Flower's own way to
use a machine.
"""

import logging
import os
import sys
import time

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["FLWR_TELEMETRY_ENABLED"] = "0"

import torch
from flwr.app import ArrayRecord, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import ServerApp
from flwr.serverapp.strategy import FedAvg
from flwr.simulation import run_simulation
from transformers import BertModel

CHECKPOINT, ROUNDS, EVERY = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
CLIENTS, COHORT, STEPS, TEXTS, TOKENS, CLASSES, TEST = 64, 8, 4, 16, 32, 4, 1000


class Classifier(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = BertModel.from_pretrained(
            CHECKPOINT, add_pooling_layer=False, dtype=torch.float32
        )
        self.encoder.embeddings.requires_grad_(False)
        width = self.encoder.config.hidden_size
        self.head = torch.nn.Parameter(torch.randn(width, CLASSES) / width**0.5)

    def forward(self, ids):
        pooled = self.encoder(input_ids=ids).last_hidden_state.mean(1)
        return 10 * torch.nn.functional.normalize(pooled, dim=1) @ self.head


_model = None


def model():
    """One in each process."""
    global _model
    if _model is None:
        torch.set_num_threads(1)
        torch.manual_seed(0)
        _model = Classifier()
    return _model


def trainable(net):
    return {name: p.data for name, p in net.named_parameters() if p.requires_grad}


def install(net, arrays):
    net.load_state_dict(arrays.to_torch_state_dict(), strict=False)


client = ClientApp()


@client.train()
def train(message, context):
    net = model()
    install(net, message.content["arrays"])
    generator = torch.Generator().manual_seed(context.node_id % 2**31)
    optimizer = torch.optim.AdamW([p for p in net.parameters() if p.requires_grad], lr=5e-4)
    net.train()
    for _ in range(STEPS):
        ids = torch.randint(net.encoder.config.vocab_size, (TEXTS, TOKENS), generator=generator)
        labels = torch.randint(CLASSES, (TEXTS,), generator=generator)
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(net(ids), labels).backward()
        optimizer.step()
    content = {
        "arrays": ArrayRecord(trainable(net)),
        "metrics": MetricRecord({"num-examples": STEPS * TEXTS}),
    }
    return Message(content=RecordDict(content), reply_to=message)


server = ServerApp()
took = []


@server.main()
def main(grid, context):
    net = model()
    ids = torch.randint(net.encoder.config.vocab_size, (TEST, TOKENS))

    def evaluate(number, arrays):
        if number == 1:
            took.append(time.perf_counter())
        if number % EVERY:
            return None
        install(net, arrays)
        net.eval()
        with torch.inference_mode():
            scores = torch.cat([net(part) for part in ids.split(32)])
        return MetricRecord({"mean": scores.mean().item()})

    strategy = FedAvg(
        fraction_train=COHORT / CLIENTS, fraction_evaluate=0.0, min_train_nodes=COHORT,
        min_available_nodes=CLIENTS, min_evaluate_nodes=0,
    )
    # The first round starts Ray's workers and imports PyTorch in each: the clock starts after it.
    strategy.start(
        grid=grid, initial_arrays=ArrayRecord(trainable(net)), num_rounds=ROUNDS + 1, evaluate_fn=evaluate
    )
    took.append(time.perf_counter())


logging.getLogger("flwr").setLevel(logging.ERROR)
run_simulation(
    server_app=server, client_app=client, num_supernodes=CLIENTS,
    backend_config={"client_resources": {"num_cpus": 1, "num_gpus": 0.0}},
)
print(f"{took[1] - took[0]:.3f}")
