"""What scripts need around their model: command-line flags, logging, files, devices, test cases."""

from . import config, files, flags, log, testing, text  # noqa: F401
