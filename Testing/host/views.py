"""What Slicer's views add to the scene: slice logics with composite nodes, cameras, and the actors of colour legends."""

import slicer
import vtk


class Views:
    """Stands for Slicer's slice and 3D views.

    legends: {ID of a 3D view node: IDs of the legends that have an actor there}. As in Slicer a view makes the actor of a legend when
    the legend is added to the scene, not when the view is made.
    """

    def __init__(self, scene):
        self._scene = scene
        self._logics = vtk.vtkCollection()
        self.legends = {}
        slicer.app.applicationLogic().SetSliceLogics(self._logics)
        for node in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
            self._addSlice(node)
        for node in slicer.util.getNodesByClass("vtkMRMLViewNode"):
            self._addView(node)
        self._tags = [
            scene.AddObserver(scene.NodeAddedEvent, self._onAdded),
            scene.AddObserver(scene.NodeRemovedEvent, self._onRemoved),
        ]

    def close(self):
        """Let go of the scene."""
        for tag in self._tags:
            self._scene.RemoveObserver(tag)
        slicer.app.applicationLogic().SetSliceLogics(vtk.vtkCollection())

    def backgrounds(self):
        """IDs of the volumes that the slice views show."""
        return [node.GetBackgroundVolumeID() for node in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")]

    def _addSlice(self, node):
        logic = slicer.vtkMRMLSliceLogic()
        logic.SetMRMLApplicationLogic(slicer.app.applicationLogic())
        logic.SetMRMLScene(self._scene)
        logic.SetSliceNode(node)
        self._logics.AddItem(logic)

    def _addView(self, node):
        self.legends.setdefault(node.GetID(), [])
        if self._scene.GetSingletonNode(node.GetLayoutName(), "vtkMRMLCameraNode") is None:
            camera = slicer.vtkMRMLCameraNode()
            camera.SetSingletonTag(node.GetLayoutName())
            camera.SetLayoutName(node.GetLayoutName())
            self._scene.AddNode(camera)

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onAdded(self, scene, event, node):
        if node.IsA("vtkMRMLViewNode"):
            self._addView(node)
        elif node.IsA("vtkMRMLColorLegendDisplayNode"):
            for actors in self.legends.values():
                actors.append(node.GetID())

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onRemoved(self, scene, event, node):
        self.legends.pop(node.GetID(), None)
        for actors in self.legends.values():
            if node.GetID() in actors:
                actors.remove(node.GetID())
