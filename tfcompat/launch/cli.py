"""The command line: `python -m tfcompat script.py [args]` and `python -m tfcompat check PATH...`."""

import os
import sys

USAGE = """usage: python -m tfcompat [--api v1|v2] SCRIPT [ARGS...]
       python -m tfcompat check [--api v1|v2] PATH...

Runs a TensorFlow script (.py, .ipynb, or - for standard input) on JAX: its `import tensorflow` is answered by tfcompat.
`check` reads scripts without running them and lists the TensorFlow names they use that tfcompat does not have.

  --api v1|v2   TensorFlow 1 (graph mode) or TensorFlow 2; otherwise decided from the names the script uses
  --version     the version of tfcompat, and the TensorFlow versions it answers as

  TFCOMPAT_FULL_TRACEBACK=1   tracebacks with the frames of tfcompat and JAX
  TFCOMPAT_CACHE=0            do not keep compiled programs between runs; TFCOMPAT_CACHE_DIR=FOLDER says where
  TFCOMPAT_DATA=FOLDER        where data sets lie
"""


def main(arguments=None):
    """Runs the command line; leaves by SystemExit or by what the script raises."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    api, check = None, arguments[:1] == ["check"] and not os.path.isfile("check")
    del arguments[: int(check)]
    while arguments and arguments[0].startswith("-") and arguments[0] != "-":
        option = arguments.pop(0)
        if option in ("-h", "--help"):
            print(USAGE, end="")
            raise SystemExit(0)
        if option == "--version":
            raise SystemExit(_version())
        if option == "--api" and arguments:
            api = arguments.pop(0)
        elif option.startswith("--api="):
            api = option.partition("=")[2]
        else:
            _refuse(f"unknown option {option}")
        if api not in ("v1", "v2"):
            _refuse(f"--api is v1 or v2, not {api}")
    if not arguments:
        _refuse("no script given" if not check else "no path given")
    if check:
        from tfcompat.launch import check as checker

        raise SystemExit(checker.main(arguments, api))
    launch(arguments[0], arguments[1:], api)


def launch(script, arguments=(), api=None):
    """Runs a script file in this process as `python SCRIPT ARGUMENTS` would; does not return to the caller's world."""
    from tfcompat.launch import cache, decide, device, install, manners, names, runner, source

    try:
        raw = source.read(script)
    except OSError as error:
        why = f"[Errno {error.errno}] {error.strerror}"
        print(f"python -m tfcompat: can't open file {os.path.abspath(script)!r}: {why}", file=sys.stderr)
        raise SystemExit(2) from None
    path = runner.prepare(script, arguments)
    usages = names.program(raw, os.path.dirname(os.path.realpath(path)) if script != "-" else os.getcwd())
    choice = decide.choose(usages)
    if api not in (None, choice.api):
        choice = decide.Choice(api, "graph mode" if api == "v1" else "eager")
    cache.enable()
    install(choice.api)
    device.announce(choice, usages)
    manners.adopt()
    runner.run(path, raw)


def _version():
    import tfcompat
    from tfcompat.launch.alias import VERSIONS

    print(f"tfcompat {tfcompat.__version__} (TensorFlow {VERSIONS['v1']} and {VERSIONS['v2']})")
    return 0


def _refuse(text):
    print(f"python -m tfcompat: {text}\n{USAGE.splitlines()[0]}", file=sys.stderr)
    raise SystemExit(2)
