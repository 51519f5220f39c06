from host.fixtures import layouts, logic, readers, reviewer, scene, segmentEditor, views, widget  # noqa: F401
