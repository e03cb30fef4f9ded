"""The demonstration behind `make demo`: a TensorFlow 1 and a TensorFlow 2 script, run unchanged, and one picture.

    python examples/demo.py [demo.png]

Runs both scripts with `python -m tfcompat` and draws their loss curves. Exits with the first status that is not 0.
"""

import csv
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SCRIPTS = {
    "digits_session.py": "TensorFlow 1: Session, feed_dict",
    "digits_tape.py": "TensorFlow 2: eager GradientTape loop",
}


def run(script, folder):
    """The losses of one script, a float a step; ends the demo when the script fails."""
    losses = os.path.join(folder, script + ".csv")
    command = [sys.executable, "-m", "tfcompat", os.path.join(HERE, script), "--losses", losses]
    print("$ python -m tfcompat examples/" + script, flush=True)
    status = subprocess.call(command)
    if status:
        sys.exit(status)
    print(flush=True)
    with open(losses, newline="") as file:
        return [float(row["loss"]) for row in csv.DictReader(file)]


def smooth(values, width=20):
    """The mean of each value and the up to width-1 values before it."""
    return [sum(part) / len(part) for part in (values[max(0, i + 1 - width) : i + 1] for i in range(len(values)))]


def draw(curves, picture):
    """One axes, a curve per script: the loss of each step pale, its running mean on top."""
    import matplotlib

    matplotlib.use("Agg")  # a file is wanted, no window; and there may be no display
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 4.5), layout="constrained")
    for color, (label, losses) in zip(("#d1495b", "#00798c"), curves.items()):
        steps = range(1, len(losses) + 1)
        axes.plot(steps, losses, color=color, alpha=0.25, linewidth=0.8)
        axes.plot(steps, smooth(losses), color=color, linewidth=2, label=label)
    axes.set(title="handwritten digits, one hidden layer of 256, Adam", xlabel="step", ylabel="loss", yscale="log")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    figure.savefig(picture, dpi=120)


def main():
    picture = sys.argv[1] if len(sys.argv) > 1 else "demo.png"
    with tempfile.TemporaryDirectory() as folder:
        curves = {label: run(script, folder) for script, label in SCRIPTS.items()}
    draw(curves, picture)
    print("loss curves of both: " + picture)


if __name__ == "__main__":
    main()
