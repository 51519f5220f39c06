from host.fixtures import known, layouts, logic, reviewer, scene, views, widget  # noqa: F401
