"""Writes the handwritten digits that scikit-learn carries (UCI ML, 1,797 pictures of 8 x 8 pixels) under data/.

Each line of data/train.csv and data/test.csv is one picture: the digit, then its 64 pixels from 0 to 16.
"""

import os
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

seed = int(os.environ.get("SEED", "1"))
test_share = float(os.environ.get("TEST_SHARE", "0.2"))

pictures, digits = load_digits(return_X_y=True)
rows = np.column_stack([digits, pictures]).astype(int)
train, test = train_test_split(rows, test_size=test_share, random_state=seed, stratify=digits)

folder = Path("data")
folder.mkdir(exist_ok=True)
for name, part in (("train", train), ("test", test)):
    file = folder / f"{name}.csv"
    np.savetxt(file, part, fmt="%d", delimiter=",")
    print(f"{file}: {len(part)} pictures")
