from host.fixtures import known, layouts, logic, reviewer, scene, widget  # noqa: F401
