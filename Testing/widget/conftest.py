from host.fixtures import layouts, logic, readers, reviewer, scene, widget  # noqa: F401
