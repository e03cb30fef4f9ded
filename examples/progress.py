"""Progress of a training loop: one line that moves on a terminal, a plain line now and then anywhere else."""

import csv
import sys


class Progress:
    """Counts steps up to `total`; `update` shows `text` beside the count, and remembers the loss of each step."""

    def __init__(self, title, total, lines=10):
        self.title, self.total = title, total
        self.losses = []
        self.moving = sys.stdout.isatty()
        self.every = max(1, total // (100 if self.moving else lines))

    def update(self, loss):
        self.losses.append(loss)
        done = len(self.losses)
        if done % self.every and done != self.total:
            return
        bar = "#" * (30 * done // self.total)
        line = "%s [%-30s] step %4d of %d, loss %.4f" % (self.title, bar, done, self.total, loss)
        if self.moving:
            print("\r" + line, end="\n" if done == self.total else "", flush=True)
        else:
            print(line, flush=True)

    def save(self, path):
        """Writes `step,loss` rows, for plotting."""
        with open(path, "w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["step", "loss"])
            rows.writerows(enumerate(self.losses, start=1))
