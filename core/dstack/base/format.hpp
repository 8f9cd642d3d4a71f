// Texts made of parts: fmt::format("there is no run '{}'", name). The only header that includes
// fmt; what it needs of that library's code is compiled once, in format.cpp.
#pragma once

#include <fmt/core.h>
