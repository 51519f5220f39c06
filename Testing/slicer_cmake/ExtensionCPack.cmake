# The extension description that Slicer generates from the EXTENSION_ variables and installs with the extension.

foreach(name IN ITEMS LICENSE README)
  if(NOT EXISTS "${EXTENSION_${name}_FILE}")
    message(FATAL_ERROR "EXTENSION_${name}_FILE: no file ${EXTENSION_${name}_FILE}")
  endif()
endforeach()

set(described
  DEPENDS RECOMMENDS BUILD_SUBDIRECTORY HOMEPAGE CONTRIBUTORS CATEGORY ICONURL STATUS TIER DESCRIPTION SCREENSHOTURLS ENABLED KEYWORDS)
set(text "")
foreach(name IN LISTS described)
  set(value "${EXTENSION_${name}}")
  if(value STREQUAL "" AND name MATCHES "DEPENDS|RECOMMENDS")
    set(value "NA")
  endif()
  string(REPLACE "\n" "<br>" value "${value}")
  string(REPLACE ";" " " value "${value}")
  string(TOLOWER "${name}" field)
  string(APPEND text "${field} ${value}\n")
endforeach()
file(WRITE "${CMAKE_BINARY_DIR}/${EXTENSION_NAME}.s4ext" "${text}")
install(FILES "${CMAKE_BINARY_DIR}/${EXTENSION_NAME}.s4ext" DESTINATION "${Slicer_INSTALL_ROOT}${Slicer_SHARE_DIR}")
