// Reading maps of settings: errors are collected, and reading continues. Internal to this folder.
#pragma once

#include "dstack/config/yaml/value.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace dstack::config {

class MapReader {
 public:
  /// With what was found before.
  explicit MapReader(std::vector<Error> errors) : errors_(std::move(errors)) {}

  using Use = std::function<void(const std::string& key, const Value& value)>;
  /// Hands over each member of a known key, '-' in it as '_'. Nothing at all is an empty map;
  /// `what` names it in messages.
  void each_member(const Value& map,
                   const std::string& what,
                   const std::vector<std::string>& known,
                   const Use& use);
  void read_size(const std::string& key, const Value& value, std::uint64_t& bytes);
  /// A size of memory, which has a unit.
  void read_memory(const std::string& key, const Value& value, std::uint64_t& bytes);
  void read_duration(const std::string& key,
                     const Value& value,
                     std::chrono::milliseconds& duration);

  /// An error with all in its `also`.
  void report(Error error);

  std::vector<Error>& errors() { return errors_; }

 private:
  std::vector<Error> errors_;
};

}  // namespace dstack::config
