"""Sessions that look after themselves: hooks, MonitoredSession, Supervisor, and the clusters of one process."""

from . import hooks, monitored_session, saving_hooks, server, session_manager, supervisor  # noqa: F401 - for their declarations
