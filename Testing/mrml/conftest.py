from host.fixtures import known, layouts, logic, readers, reviewer, scene, views, widget  # noqa: F401
