from host.fixtures import known, layouts, logic, readers, reviewer, scene, segmentEditor, threeDViews, views, widget  # noqa: F401
