"""Fits y = 3x + 2 with several processes. Each draws data of its own; the model is the same everywhere."""
import argparse
import json
import os

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel


def say(line):
    """Hands over a whole line; `print` alone writes its end apart, and another process may come between."""
    print(line + "\n", end="")


parser = argparse.ArgumentParser()
parser.add_argument("--steps", type=int, default=200)
steps = parser.parse_args().steps

cuda = torch.cuda.is_available()
dist.init_process_group("nccl" if cuda else "gloo")
rank, world = dist.get_rank(), dist.get_world_size()
device = torch.device("cuda", int(os.environ["LOCAL_RANK"])) if cuda else torch.device("cpu")

total = torch.tensor(rank + 1, device=device)
dist.all_reduce(total)
say(f"rank {rank} of {world}: the numbers from 1 to {world} add up to {total.item()}")

torch.manual_seed(rank)
model = DistributedDataParallel(torch.nn.Linear(1, 1).to(device))
optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
for step in range(steps):
    x = torch.rand(64, 1, device=device)
    loss = ((model(x) - (3 * x + 2)) ** 2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

weight, bias = (parameter.item() for parameter in model.parameters())
say(f"rank {rank}: y = {weight:.2f} x + {bias:.2f}")
if rank == 0:
    os.makedirs("model", exist_ok=True)
    with open("model/line.json", "w") as file:
        json.dump({"weight": weight, "bias": bias, "processes": world}, file)
dist.destroy_process_group()
