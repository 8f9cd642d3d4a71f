// The file of an attempt's exit record. Its name and its room are taken before the job starts, so
// that a disk that is full when the job ends does not take the record.
#pragma once

#include "dstack/base/fd.hpp"
#include "dstack/base/file.hpp"
#include "dstack/run/protocol/exit_record.hpp"

namespace dstack::run {

/// For one thread of one process: the runner's.
class ExitRecordFile {
 public:
  /// Under another name, which a killed runner leaves behind.
  static Result<ExitRecordFile> reserve(const Path& attempt_folder);

  /// Into the reserved room, then gives it its name: a reader finds no record, or all of it. After
  /// an error the call may be repeated. A record that is longer than what was reserved needs more
  /// room.
  Result<void> write(const ExitRecord& record, Durable durable);

 private:
  ExitRecordFile(Path folder, Fd file) : folder_(std::move(folder)), file_(std::move(file)) {}

  Path folder_;
  Fd file_;
};

}  // namespace dstack::run
