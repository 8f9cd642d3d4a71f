"""Trains a small neural network on the digits in data/ and saves it as model/digits.joblib.

The hyper-parameters are variables of the workflow; dstack hands them over as environment variables.
"""

import json
import os
from pathlib import Path

import joblib
import numpy as np
from sklearn.neural_network import MLPClassifier

epochs = int(os.environ.get("EPOCHS", "10"))
batch_size = int(os.environ.get("BATCH_SIZE", "32"))
learning_rate = float(os.environ.get("LR", "0.02"))
hidden = int(os.environ.get("HIDDEN", "64"))
seed = int(os.environ.get("SEED", "1"))


def load(name):
    rows = np.loadtxt(Path("data") / f"{name}.csv", delimiter=",")
    return rows[:, 1:] / 16.0, rows[:, 0].astype(int)


train_pictures, train_digits = load("train")
test_pictures, test_digits = load("test")
print(f"{len(train_digits)} pictures to learn from, {len(test_digits)} to be tested with", flush=True)

classifier = MLPClassifier(
    hidden_layer_sizes=(hidden,),
    solver="sgd",
    momentum=0.9,
    batch_size=batch_size,
    learning_rate_init=learning_rate,
    random_state=seed,
)
accuracy = 0.0
for epoch in range(1, epochs + 1):
    classifier.partial_fit(train_pictures, train_digits, classes=np.arange(10))
    accuracy = classifier.score(test_pictures, test_digits)
    print(f"epoch {epoch:2d}/{epochs}  loss {classifier.loss_:.4f}  accuracy {accuracy:.4f}", flush=True)

folder = Path("model")
folder.mkdir(exist_ok=True)
joblib.dump(classifier, folder / "digits.joblib")
(folder / "metrics.json").write_text(
    json.dumps({"accuracy": accuracy, "epochs": epochs, "lr": learning_rate, "seed": seed}, indent=2) + "\n"
)
print(f"accuracy: {accuracy:.4f}")
