#include "dstack/base/log.hpp"

// As in format.cpp.
#define FMT_HEADER_ONLY
#include <spdlog/logger.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <memory>

namespace dstack::log {

namespace {

// Made on first use: three of the four processes of a run never log.
std::shared_ptr<spdlog::logger>& logger() {
  static std::shared_ptr<spdlog::logger> instance;
  return instance;
}

void write(spdlog::level::level_enum level, std::string_view message) {
  if (const auto& target = logger())
    target->log(level, spdlog::string_view_t(message.data(), message.size()));
}

spdlog::level::level_enum level_of(Level level) {
  switch (level) {
    case Level::warning:
      return spdlog::level::warn;
    case Level::info:
      return spdlog::level::info;
    case Level::debug:
      return spdlog::level::debug;
    case Level::off:
      break;
  }
  return spdlog::level::off;
}

}  // namespace

void start(Level level, const std::string& file) {
  if (level == Level::off) {
    logger().reset();
    return;
  }
  try {
    spdlog::sink_ptr sink;
    if (file.empty())
      sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    else
      sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(file);
    auto made = std::make_shared<spdlog::logger>("dstack", std::move(sink));
    made->set_level(level_of(level));
    made->flush_on(spdlog::level::debug);
    made->set_pattern("%Y-%m-%dT%H:%M:%S.%e %P %l %v");
    logger() = std::move(made);
  } catch (const spdlog::spdlog_ex&) {
    logger().reset();  // a log that cannot be opened never stops a run
  }
}

void warning(std::string_view message) {
  write(spdlog::level::warn, message);
}

void info(std::string_view message) {
  write(spdlog::level::info, message);
}

void debug(std::string_view message) {
  write(spdlog::level::debug, message);
}

}  // namespace dstack::log
