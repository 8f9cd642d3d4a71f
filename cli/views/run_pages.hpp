// The runs of a listing, read page by page: however many there are, only a page of them is held.
#pragma once

#include "dstack/store/records/records.hpp"
#include "dstack/store/records/run_record.hpp"

#include <cstddef>
#include <vector>

namespace dstack::cli {

/// Newest first. Each page is of one moment, and no transaction is left open between two: who reads
/// the output slowly does not keep the database from cleaning up.
class RunPages {
 public:
  /// With the first page. Of a filter with a workflow, the runs have that workflow alone. Refers to
  /// the records.
  static Result<RunPages> open(store::Records& records, store::RunFilter filter);

  /// No runs at all.
  static RunPages none(store::Records& records) { return RunPages(records, {}); }

  const std::vector<store::RunRecord>& page() const { return page_; }

  /// Whether another page may follow.
  bool has_more() const { return has_more_; }

  /// False: there is no other page.
  Result<bool> next();

 private:
  RunPages(store::Records& records, store::RunFilter filter);
  Result<void> read();

  store::Records* records_;
  store::RunFilter filter_;  ///< of what was not read yet
  std::vector<store::RunRecord> page_;
  bool has_more_ = false;
};

}  // namespace dstack::cli
