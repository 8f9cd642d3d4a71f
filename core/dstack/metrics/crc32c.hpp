// CRC-32C (Castagnoli, RFC 3720 appendix B.4), with the processor's own instruction where it has
// one. Of the project's own files of points, and of the records of TensorBoard.
#pragma once

#include <cstdint>
#include <string_view>

namespace dstack::metrics {

std::uint32_t crc32c(std::string_view bytes);

}  // namespace dstack::metrics
