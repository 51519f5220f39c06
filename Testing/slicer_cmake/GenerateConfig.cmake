# Slicer writes <extension>Config.cmake here, for extensions that link against this one. A scripted one offers nothing to link.
