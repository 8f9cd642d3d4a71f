#!/usr/bin/env python3
"""Draws docs/terminal.svg: what a terminal shows after real commands in the digits example.

    python3 cmake/scripts/picture.py build/release/bin/dstack        needs pyte (PyPI)

The commands run in a pseudo-terminal, in a fresh copy of docs/examples/digits; a terminal emulator keeps the screen,
which is written as an SVG. Made by hand before a release, so that the README shows what people will see.
"""
import html, os, pathlib, pty, re, shutil, subprocess, sys, tempfile

import pyte

ROOT = pathlib.Path(__file__).resolve().parents[2]
COLUMNS, ROWS = 92, 200
COMMANDS = [
    "dstack run download -t latest",
    "dstack run train --epochs 15 -t best",
    "dstack ps -a",
    "dstack artifacts list train:best",
]
CELL, LINE, MARGIN = 8.4, 19, 18
COLOURS = {
    "default": "#d8dee9", "black": "#4c566a", "red": "#ef6b73", "green": "#a3d977", "brown": "#f2cd71",
    "blue": "#81a9e8", "magenta": "#c792ea", "cyan": "#7fd5d5", "white": "#eceff4",
}


def screen_after(commands, environment, folder):
    screen = pyte.Screen(COLUMNS, ROWS)
    stream = pyte.ByteStream(screen)
    for command in commands:
        stream.feed(b"\x1b[1m$ " + command.encode() + b"\x1b[0m\r\n")
        child, terminal = pty.fork()
        if child == 0:
            os.chdir(folder)
            os.execvpe("sh", ["sh", "-c", f"stty cols {COLUMNS} rows 40; exec {command}"], environment)
        while True:
            try:
                stream.feed(os.read(terminal, 65536))
            except OSError:
                break
        os.waitpid(child, 0)
    return screen


def runs_of(line):
    """Neighbouring cells that look alike: (column, text, foreground, bold)."""
    runs = []
    for column in range(COLUMNS):
        cell = line[column]
        look = (cell.fg, cell.bold)
        if runs and runs[-1][2:] == look:
            runs[-1] = (runs[-1][0], runs[-1][1] + cell.data, *look)
        else:
            runs.append((column, cell.data, *look))
    return [run for run in runs if run[1].strip()]


def svg_of(screen):
    last = max(row for row in range(ROWS) if any(screen.buffer[row][c].data.strip() for c in range(COLUMNS)))
    width, height = 2 * MARGIN + COLUMNS * CELL, 2 * MARGIN + (last + 1) * LINE
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height}" role="img" '
           f'aria-label="dstack in a terminal">',
           '<rect width="100%" height="100%" rx="8" fill="#2b303b"/>',
           '<g font-family="ui-monospace, DejaVu Sans Mono, monospace" font-size="14" xml:space="preserve">']
    for row in range(last + 1):
        for column, text, foreground, bold in runs_of(screen.buffer[row]):
            colour = COLOURS.get(foreground, f"#{foreground}" if re.fullmatch("[0-9a-f]{6}", foreground) else "#d8dee9")
            weight = ' font-weight="bold"' if bold else ""
            out.append(f'<text x="{MARGIN + column * CELL:.1f}" y="{MARGIN + row * LINE + 14}" fill="{colour}"{weight} '
                       f'textLength="{len(text.rstrip()) * CELL:.1f}">{html.escape(text.rstrip())}</text>')
    return "\n".join(out + ["</g>", "</svg>", ""])


def main():
    binary = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as scratch:
        project = pathlib.Path(scratch) / "digits"
        shutil.copytree(ROOT / "docs/examples/digits", project)
        git = ["git", "-c", "user.name=a", "-c", "user.email=a@localhost"]
        for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "digits"]):
            subprocess.run([*git, *arguments], cwd=project, check=True)
        environment = dict(os.environ, PATH=f"{binary.parent}:{os.environ['PATH']}", TERM="xterm-256color",
                           DSTACK_HOME=f"{scratch}/home")
        environment.pop("NO_COLOR", None)
        # The Python environment is made before: the picture is of the second time.
        subprocess.run([binary, "run", "download"], cwd=project, env=environment, check=True, capture_output=True)
        environment.update(DSTACK_HOME=f"{scratch}/home")
        screen = screen_after(COMMANDS, environment, project)
    (ROOT / "docs/terminal.svg").write_text(svg_of(screen))


main()
