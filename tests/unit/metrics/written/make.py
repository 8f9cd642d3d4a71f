"""Writes the files of this folder, with the libraries that people use:

    pip install tensorboardX==2.6.5 tensorboard==2.21.0
    python make.py

Each has the metric `train/loss` with the values 1/1, 1/2, … 1/5 at the steps 0, 10, … 40, and `acc`, which is NaN at
its second step. The names of the files are made the same each time.
"""
import glob
import os
import shutil

here = os.path.dirname(os.path.abspath(__file__))


def points():
    for i in range(5):
        yield 10 * i, 1 / (i + 1), float("nan") if i == 1 else i / 4


def event_file(folder, name):
    written, = glob.glob(os.path.join(folder, "events.out.tfevents.*"))
    os.replace(written, os.path.join(here, name))
    shutil.rmtree(folder)


def with_tensorboardx():
    from tensorboardX import SummaryWriter

    folder = os.path.join(here, "tmp")
    writer = SummaryWriter(folder)
    for step, loss, acc in points():
        writer.add_scalar("train/loss", loss, step)
        writer.add_scalar("acc", acc, step)
    writer.close()
    event_file(folder, "tensorboardx.tfevents")


def with_tensorboard():
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.plugins.scalar.summary_v2 import scalar_pb
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    folder = os.path.join(here, "tmp")
    writer = EventFileWriter(folder)
    for step, loss, acc in points():
        for name, value in (("train/loss", loss), ("acc", acc)):
            writer.add_event(Event(wall_time=1700000000.25 + step, step=step, summary=scalar_pb(name, value)))
    writer.close()
    event_file(folder, "tensorboard.tfevents")


with_tensorboardx()
with_tensorboard()
