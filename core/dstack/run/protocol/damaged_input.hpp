// Whose content it is that the store has lost: the sentences for a download, or a job that cannot
// start without it.
#pragma once

#include "dstack/base/error.hpp"
#include "dstack/job/tree_reference.hpp"
#include "dstack/run/protocol/job_order.hpp"
#include "dstack/store/records/run_record.hpp"

#include <string>

namespace dstack::run {

/// Says of damaged content whose it is, and what makes it anew. Other errors stay as they are, here
/// and below.
Error name_owner(Error error, const store::ArtifactOwner& owner);
/// `what` it is a part of: "the code of run 'quiet-otter-3'".
Error name_whole(Error error, const std::string& what);

/// Of what is laid out for a job: its code, an input, or an artifact, which the database knows.
Error name_input(Error error, const job::TreeReference& tree, const JobOrder& order);

}  // namespace dstack::run
