#include "dstack/backend/tar_file.hpp"

#include "dstack/base/file.hpp"
#include "dstack/base/format.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include <unistd.h>

namespace dstack::backend {

namespace {

constexpr std::size_t block = 512;
constexpr std::size_t longest_name = 100;
constexpr std::uint64_t largest_size = 077777777777;  // eleven octal digits

/// The fields of a header and where they are.
struct Field {
  std::size_t at;
  std::size_t size;
};

constexpr Field name_field{0, longest_name};
constexpr Field mode_field{100, 8};
constexpr Field user_field{108, 8};
constexpr Field group_field{116, 8};
constexpr Field size_field{124, 12};
constexpr Field time_field{136, 12};
constexpr Field sum_field{148, 8};
constexpr Field type_field{156, 1};
constexpr Field target_field{157, longest_name};
constexpr Field magic_field{257, 8};

using Block = std::array<char, block>;

void put(Block& header, Field field, std::string_view text) {
  text.copy(header.data() + field.at, std::min(field.size, text.size()));
}

void put_number(Block& header, Field field, std::uint64_t number) {
  put(header, field, fmt::format("{:0{}o}", number, field.size - 1));
}

std::string padded(std::string text) {
  text.resize((text.size() + block - 1) / block * block);
  return text;
}

std::string plain_header(const TarEntry& entry) {
  Block header{};
  put(header, name_field, entry.path);
  put_number(header, mode_field, entry.mode);
  put_number(header, user_field, 0);
  put_number(header, group_field, 0);
  put_number(header, size_field, std::min(entry.size, largest_size));
  put_number(header, time_field, static_cast<std::uint64_t>(std::max<std::int64_t>(0, entry.time)));
  put(header, type_field, std::string_view(&entry.type, 1));
  put(header, target_field, entry.target);
  put(header, magic_field, std::string_view("ustar\00000", 8));
  put(header, sum_field, "        ");
  std::uint64_t sum = 0;
  for (const char c : header)
    sum += static_cast<unsigned char>(c);
  put(header, sum_field, std::string_view(fmt::format("{:06o}", sum) + std::string("\0 ", 2)));
  return std::string(header.data(), header.size());
}

/// "27 path=…\n": its own length is part of it.
std::string record(std::string_view key, std::string_view value) {
  const std::size_t rest = key.size() + value.size() + 3;
  std::size_t length = rest + 1;
  while (std::to_string(length).size() + rest != length)
    length = std::to_string(length).size() + rest;
  return fmt::format("{} {}={}\n", length, key, value);
}

}  // namespace

std::string tar_header(const TarEntry& entry) {
  std::string records;
  if (entry.path.size() > longest_name)
    records += record("path", entry.path);
  if (entry.target.size() > longest_name)
    records += record("linkpath", entry.target);
  if (entry.size > largest_size)
    records += record("size", std::to_string(entry.size));
  if (records.empty())
    return plain_header(entry);
  const TarEntry extended{"././@PaxHeader", 'x', 0644, records.size()};
  return plain_header(extended) + padded(std::move(records)) + plain_header(entry);
}

Result<void> TarWriter::add(const TarEntry& entry) const {
  return write_all(file_, tar_header(entry));
}

Result<void> TarWriter::add(TarEntry entry, std::string_view content) const {
  entry.size = content.size();
  DSTACK_CHECK(add(entry));
  DSTACK_CHECK(write_all(file_, content));
  return pad(entry.size);
}

Result<void> TarWriter::add_file(const TarEntry& entry, int content) const {
  DSTACK_CHECK(add(entry));
  std::string buffer(std::size_t{1} << 20U, '\0');
  for (std::uint64_t left = entry.size; left > 0;) {
    const ssize_t count =
        ::read(content, buffer.data(), std::min<std::uint64_t>(left, buffer.size()));
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0)
      return fail_errno("cannot read '{}'", entry.path);
    DSTACK_CHECK(
        write_all(file_, std::string_view(buffer).substr(0, static_cast<std::size_t>(count))));
    left -= static_cast<std::uint64_t>(count);
  }
  return pad(entry.size);
}

Result<void> TarWriter::end() const {
  return write_all(file_, std::string(2 * block, '\0'));
}

Result<void> TarWriter::pad(std::uint64_t size) const {
  return write_all(file_, std::string((block - size % block) % block, '\0'));
}

}  // namespace dstack::backend
