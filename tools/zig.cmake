# Zig's C++ compiler for another system, from the environment, as CMake reads this file again for
# each trial compilation: ZIG is the program, ZIG_TARGET its name of the system.
set(CMAKE_SYSTEM_NAME Linux)
string(REGEX MATCH "^[^-]+" CMAKE_SYSTEM_PROCESSOR "$ENV{ZIG_TARGET}")
set(CMAKE_CXX_COMPILER "$ENV{ZIG}" c++ -target "$ENV{ZIG_TARGET}")
# nanobind writes to stderr, and relies on other headers to bring <cstdio>; zig's libc++ does not.
# With -s everywhere, zig builds its C++ library once; it would build another one for programs that
# are not stripped, such as CMake's first trial.
set(CMAKE_CXX_FLAGS_INIT "-s -include cstdio -Wno-macro-redefined")
# The system's `ar` may not know the other processor's objects.
set(CMAKE_CXX_ARCHIVE_CREATE "\"$ENV{ZIG}\" ar qc <TARGET> <LINK_FLAGS> <OBJECTS>")
set(CMAKE_CXX_ARCHIVE_APPEND "\"$ENV{ZIG}\" ar q <TARGET> <LINK_FLAGS> <OBJECTS>")
set(CMAKE_CXX_ARCHIVE_FINISH "\"$ENV{ZIG}\" ranlib <TARGET>")
# Trial programs that are linked would have zig build its C++ library twice.
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
