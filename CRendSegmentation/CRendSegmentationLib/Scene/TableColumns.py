"""A column of a vtkTable from values."""


def addColumn(table, name, kind, values):
    """Add a column `name` of an array class (vtk.vtkStringArray, vtk.vtkDoubleArray, ...) with these values."""
    column = kind()
    column.SetName(name)
    for value in values:
        column.InsertNextValue(value)
    table.AddColumn(column)
