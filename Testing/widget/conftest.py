from host.fixtures import layouts, logic, readers, reviewer, scene, segmentEditor, threeDViews, views, widget  # noqa: F401
