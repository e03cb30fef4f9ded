"""tf.logging: messages to standard error as INFO:tensorflow:text."""

from __future__ import annotations

import logging as python_logging
import sys

from ..declare import export, publish

DEBUG, INFO, WARN, ERROR, FATAL = (
    python_logging.DEBUG,
    python_logging.INFO,
    python_logging.WARNING,
    python_logging.ERROR,
    python_logging.FATAL,
)
for _name in ("DEBUG", "INFO", "WARN", "ERROR", "FATAL"):
    publish(globals()[_name], "", v1=f"logging.{_name}")
_counts: dict = {}


class _ToStandardError(python_logging.StreamHandler):
    """Writes to what sys.stderr is when the message comes."""

    def __init__(self):
        python_logging.Handler.__init__(self)
        self.setFormatter(python_logging.Formatter(python_logging.BASIC_FORMAT))

    @property
    def stream(self):
        return sys.stderr


@export("get_logger", v1="get_logger")
def get_logger():
    """The Python logger called tensorflow; it gets a handler unless the program set up its own."""
    logger = python_logging.getLogger("tensorflow")
    if not logger.handlers and not python_logging.getLogger().handlers:
        logger.addHandler(_ToStandardError())
        if logger.level == python_logging.NOTSET:
            logger.setLevel(WARN)
    return logger


@export("", v1="logging.log")
def log(level, msg, *args, **kwargs):
    get_logger().log(level, msg, *args, **kwargs)


@export("", v1="logging.debug")
def debug(msg, *args, **kwargs):
    get_logger().debug(msg, *args, **kwargs)


@export("", v1="logging.info")
def info(msg, *args, **kwargs):
    get_logger().info(msg, *args, **kwargs)


@export("", v1="logging.warn logging.warning")
def warn(msg, *args, **kwargs):
    get_logger().warning(msg, *args, **kwargs)


@export("", v1="logging.error")
def error(msg, *args, **kwargs):
    get_logger().error(msg, *args, **kwargs)


@export("", v1="logging.fatal")
def fatal(msg, *args, **kwargs):
    """As TensorFlow's: a message of the highest level, the program goes on."""
    get_logger().fatal(msg, *args, **kwargs)


@export("", v1="logging.TaskLevelStatusMessage")
def task_level_status_message(msg):
    error(msg)


@export("", v1="logging.vlog")
def vlog(level, msg, *args, **kwargs):
    get_logger().log(level, msg, *args, **kwargs)


@export("", v1="logging.flush")
def flush():
    sys.stderr.flush()


def _site():
    frame = sys._getframe(2)
    return frame.f_code.co_filename, frame.f_lineno


@export("", v1="logging.log_every_n")
def log_every_n(level, msg, n, *args):
    """The first of every n messages of this line."""
    key = _site()
    _counts[key] = _counts.get(key, -1) + 1
    log_if(level, msg, not _counts[key] % n, *args)


@export("", v1="logging.log_first_n")
def log_first_n(level, msg, n, *args):
    """The first n messages of this line."""
    key = _site()
    _counts[key] = _counts.get(key, -1) + 1
    log_if(level, msg, _counts[key] < n, *args)


@export("", v1="logging.log_if")
def log_if(level, msg, condition, *args):
    if condition:
        get_logger().log(level, msg, *args)


@export("", v1="logging.get_verbosity")
def get_verbosity():
    return get_logger().getEffectiveLevel()


@export("", v1="logging.set_verbosity")
def set_verbosity(v):
    get_logger().setLevel(v)
