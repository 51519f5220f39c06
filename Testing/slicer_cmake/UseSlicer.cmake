# The macros of Slicer's build system that the extension calls, with the same arguments and the same refusals.

include(CMakeParseArguments)

set(EXTENSION_NAME ${PROJECT_NAME})
if(EXTENSION_NAME MATCHES "^$|^Slicer$|^Project$")
  message(FATAL_ERROR "call project(<extension name>) before including \${Slicer_USE_FILE}")
endif()
if(NOT DEFINED Python_EXECUTABLE)
  message(FATAL_ERROR "-DPython_EXECUTABLE must name the interpreter that byte-compiles the scripts")
endif()

include(CTest) # defines BUILD_TESTING

# A module's scripts and resources, copied one by one to where a Slicer built here would load them, byte-compiled and installed.
macro(slicerMacroBuildScriptedModule)
  cmake_parse_arguments(MODULE "WITH_GENERIC_TESTS;WITH_SUBDIR;VERBOSE" "NAME" "SCRIPTS;RESOURCES" ${ARGN})
  if(MODULE_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "slicerMacroBuildScriptedModule: unknown ${MODULE_UNPARSED_ARGUMENTS}")
  endif()
  if(NOT MODULE_NAME)
    message(FATAL_ERROR "slicerMacroBuildScriptedModule: NAME is mandatory")
  endif()

  set(built "${CMAKE_BINARY_DIR}/${Slicer_QTSCRIPTEDMODULES_LIB_DIR}")
  set(copies)
  set(compiled)
  foreach(file IN LISTS MODULE_SCRIPTS)
    # CTK appends .py to whatever has no "py" in its longest extension: py.typed would be looked for as py.typed.py.
    get_filename_component(extension "${file}" EXT)
    if(NOT extension MATCHES "py")
      string(APPEND file ".py")
    endif()
    _stand_in_copy("${file}" "${built}" copies)
    list(APPEND compiled "${built}/${file}")
  endforeach()
  foreach(file IN LISTS MODULE_RESOURCES)
    _stand_in_copy("${file}" "${built}" copies)
  endforeach()

  set(stamp "${CMAKE_CURRENT_BINARY_DIR}/${MODULE_NAME}-compiled")
  add_custom_command(OUTPUT "${stamp}" DEPENDS ${copies}
    COMMAND "${Python_EXECUTABLE}" -m compileall -q ${compiled} COMMAND "${CMAKE_COMMAND}" -E touch "${stamp}")
  add_custom_target(${MODULE_NAME} ALL DEPENDS ${copies} "${stamp}")
  install(DIRECTORY "${built}/" DESTINATION "${Slicer_INSTALL_QTSCRIPTEDMODULES_LIB_DIR}" USE_SOURCE_PERMISSIONS)
endmacro()

function(_stand_in_copy file folder list_name)
  set(source "${CMAKE_CURRENT_SOURCE_DIR}/${file}")
  if(NOT EXISTS "${source}" OR IS_DIRECTORY "${source}")
    message(FATAL_ERROR "slicerMacroBuildScriptedModule: no file ${file}")
  endif()
  add_custom_command(OUTPUT "${folder}/${file}" DEPENDS "${source}" COMMAND "${CMAKE_COMMAND}" -E copy "${source}" "${folder}/${file}")
  set(${list_name} ${${list_name}} "${folder}/${file}" PARENT_SCOPE)
endfunction()

# Slicer runs the script's test classes in the application. Here the test exists, so that `ctest -N` lists it; it is never run.
macro(slicer_add_python_unittest)
  cmake_parse_arguments(TEST "" "TESTNAME_PREFIX;SCRIPT" "SLICER_ARGS" ${ARGN})
  if(NOT EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/${TEST_SCRIPT}")
    message(FATAL_ERROR "slicer_add_python_unittest: no file ${TEST_SCRIPT}")
  endif()
  get_filename_component(name "${TEST_SCRIPT}" NAME_WE)
  add_test(NAME "py_${TEST_TESTNAME_PREFIX}${name}" COMMAND "${CMAKE_COMMAND}" -E false)
endmacro()
