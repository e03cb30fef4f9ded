from . import schedules  # noqa: F401
